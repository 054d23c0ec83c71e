"""One engine a process, short transactions, and one error for "Postgres is away"."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import partial
from typing import Any, Self, TypeVar

import psycopg
import structlog
from pydantic import SecretStr
from sqlalchemy import create_engine, event, func, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import ORMExecuteState, Session

from fixative.errors import DatabaseAway
from fixative.postgres.cursor import PlainCursor
from fixative.postgres.login import Login
from fixative.postgres.patience import SILENCE_SECONDS, Patience, PatientConnection
from fixative.postgres.prepared import Prepared
from fixative.settings import Settings
from fixative.telemetry.metrics import DATABASE_AWAY, DATABASE_SECONDS

POOL_WAIT_SECONDS = 2
PATIENCE_SECONDS = 35.0
SERVERS_SHARE = 0.8  # of our patience: a server that lives ends a long statement before we do
PROVEN_SECONDS = 1.0
RECYCLE_SECONDS = 1800
IDLE_IN_TRANSACTION_MILLISECONDS = 60_000
AWAY = (OperationalError, InterfaceError, PoolTimeout)
Found = TypeVar("Found")
COMMITTED = "committed"  # in a session's info: what follows its commit

log = structlog.get_logger(__name__)


class Database:
    """A pool of at most `connections`, handed out one transaction at a time.

    What a transaction waits for, from the pool to its commit, takes at most `patience` seconds. A
    connection older than `recycle` seconds is replaced by the next that asks for it. Where `login`
    is given, its user and password count and not those of `url`. Without `prepared` a statement is
    planned each time, as before a pooler that knows no others.
    """

    def __init__(
        self,
        url: str,
        *,
        connections: int,
        application: str = "fixative",
        patience: float = PATIENCE_SECONDS,
        recycle: int = RECYCLE_SECONDS,
        login: SecretStr | None = None,
        prepared: bool = True,
    ) -> None:
        self._patience = Patience(patience)
        self._login = Login(login or SecretStr(url))
        self._engine = create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            pool_recycle=recycle,
            hide_parameters=True,  # errors are logged, and what users sent is not
            pool_use_lifo=True,  # few connections in use, so their prepared statements are too
            connect_args={
                "connect_timeout": int(SILENCE_SECONDS),
                "application_name": application,
                "cursor_factory": PlainCursor,
                # Planned once a connection, and for any parameters: to plan takes Postgres longer
                # than to look up one job's rows. What depends on a value has it written out.
                "prepare_threshold": 1 if prepared else None,
                # A server that is silently gone is noticed in seconds, not in hours.
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
                "tcp_user_timeout": 10_000,
                "options": f"-c statement_timeout={int(1000 * SERVERS_SHARE * patience)}"
                f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MILLISECONDS}"
                " -c timezone=UTC -c plan_cache_mode=force_generic_plan"
                # Every statement is a short one: what these take to begin is more than they save.
                " -c jit=off -c max_parallel_workers_per_gather=0",
            },
        )
        event.listen(self._engine, "do_connect", self._connect)
        event.listen(self._engine, "checkin", _note_the_time)
        event.listen(self._engine, "checkout", self._ping_if_unproven)

    @classmethod
    def of(cls, settings: Settings, **how: Any) -> Self:
        """The database that the settings name, by a password that may be rotated meanwhile."""
        prepared = settings.fixative_prepared_statements
        return cls(settings.sqlalchemy_url, login=settings.database_url, prepared=prepared, **how)

    @contextmanager
    def begin(self, patience: float = math.inf) -> Iterator[Session]:
        """A transaction that commits when the block ends well and rolls back when it raises.

        Rows it returns are plain snapshots: nothing is written by changing them. No network call
        belongs inside. Raises DatabaseAway when Postgres does not answer or no connection is free
        within `patience` seconds or the Database's own, and at once when it has just been silent.
        """
        self._patience.ask()
        began = time.monotonic()
        with (
            _told_as_away(),
            self._patience.within(min(patience, self._patience.seconds)),
            Session(self._engine, expire_on_commit=False, autoflush=False) as session,
            session.begin(),
        ):
            yield session
        DATABASE_SECONDS.observe(time.monotonic() - began)
        for follow in session.info.get(COMMITTED, ()):
            try:
                follow()
            except Exception:
                log.exception("not_told")  # what is committed stays so

    def alone(self, statement: Prepared[Found], **values: Any) -> list[Found]:
        """What one statement finds that is a transaction by itself: for half of its CPU.

        Raises as `begin` does.
        """
        if not statement.is_sent:
            with self.begin() as session:
                return statement.all(session, **values)
        self._patience.ask()
        began = time.monotonic()
        with (
            _told_as_away(),
            self._patience.within(self._patience.seconds),
            self._autocommit() as driver,
        ):
            found = statement.run(driver, values)
        self._patience.answered()
        DATABASE_SECONDS.observe(time.monotonic() - began)
        return found

    @contextmanager
    def locked(self, number: int) -> Iterator[bool]:
        """Whether this block has the lock of this number, alone in all processes on the database.

        It has a connection of its own, and a transaction that does nothing: with it the lock ends,
        by the block's end or our death, also where a pooler hands out connections by transaction.
        Raises DatabaseAway when it cannot be asked for.
        """
        try:
            connection = self._engine.connect()
            connection.detach()  # what closes it is then its end
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            mine = bool(connection.scalar(select(func.pg_try_advisory_xact_lock(number))))
        except (OperationalError, PoolTimeout) as error:
            raise DatabaseAway(_first_line(error)) from error
        with connection:
            try:
                yield mine
            finally:  # said, since Postgres notices a closed connection in its own time
                with suppress(OperationalError):
                    connection.rollback()

    def close(self) -> None:
        """Close what is idle; call it when the process ends."""
        self._engine.dispose()

    @contextmanager
    def _autocommit(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection as psycopg has it, on which each statement is a transaction."""
        pooled = self._engine.raw_connection()
        try:
            connection: Any = pooled.driver_connection
            connection.autocommit = True
            yield connection
            connection.autocommit = False
        except BaseException:
            pooled.invalidate()  # nobody knows in what state it is
            raise
        finally:
            pooled.close()

    def _connect(
        self, _dialect: Any, _record: Any, args: list[Any], params: dict[str, Any]
    ) -> PatientConnection:
        return self._login.connected(partial(self._patience.connect, *args), params)

    def _ping_if_unproven(self, connection: Any, record: Any, _proxy: Any) -> None:
        """A ping costs a round trip: only a connection that lay idle needs one."""
        if time.monotonic() - record.info.get("used_at", time.monotonic()) < PROVEN_SECONDS:
            return
        try:
            with self._patience.within(SILENCE_SECONDS):
                self._engine.dialect.do_ping(connection)
        except psycopg.Error as error:
            raise InvalidatePoolError from error  # the pool then connects anew


def once_committed(session: Session, follow: Callable[[], None]) -> None:
    """Do it when the session's transaction has committed, and never if it has not.

    Telling is meant, whose failure changes nothing: what has to be done is a row. What is logged
    then is about what it is about now.
    """
    session.info.setdefault(COMMITTED, []).append(partial(copy_context().run, follow))


@contextmanager
def _told_as_away() -> Iterator[None]:
    """What a connection that broke, or is not to be had, says in whichever library's words."""
    try:
        yield
    except (*AWAY, psycopg.OperationalError, psycopg.InterfaceError) as error:
        DATABASE_AWAY.inc()
        raise DatabaseAway(_first_line(error)) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            DATABASE_AWAY.inc()
            raise DatabaseAway(_first_line(error)) from error
        raise


def ask(database: Database) -> None:
    """Raise DatabaseAway unless Postgres answers now."""
    with database.begin() as session:
        session.execute(select(1))


def _note_the_time(_connection: Any, record: Any) -> None:
    record.info["used_at"] = time.monotonic()


@event.listens_for(Session, "do_orm_execute")
def _leave_snapshots_alone(state: ORMExecuteState) -> None:
    """An UPDATE or DELETE need not be applied to rows already read: they are snapshots."""
    if state.is_update or state.is_delete:
        state.update_execution_options(synchronize_session=False)


@event.listens_for(Session, "after_rollback")
def _forget_what_follows(session: Session) -> None:
    session.info.pop(COMMITTED, None)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
