"""One engine a process, short transactions, and one error for "Postgres is away"."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import ORMExecuteState, Session

from fixative.errors import DatabaseAway

POOL_WAIT_SECONDS = 2
CONNECT_SECONDS = 2
STATEMENT_MILLISECONDS = 30_000
IDLE_IN_TRANSACTION_MILLISECONDS = 60_000


class Database:
    """A pool of at most `connections`, handed out one transaction at a time."""

    def __init__(self, url: str, *, connections: int, application: str = "fixative") -> None:
        self._engine = create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            pool_recycle=1800,
            hide_parameters=True,  # errors are logged, and what users sent is not
            pool_pre_ping=True,
            pool_use_lifo=True,  # few connections in use, so their prepared statements are too
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "application_name": application,
                # A server that is silently gone is noticed in seconds, not in hours.
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
                "tcp_user_timeout": 10_000,
                "options": f"-c statement_timeout={STATEMENT_MILLISECONDS}"
                f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MILLISECONDS}"
                " -c timezone=UTC",
            },
        )

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A transaction that commits when the block ends well and rolls back when it raises.

        Rows it returns are plain snapshots: nothing is written by changing them. No network call
        belongs inside. Raises DatabaseAway when Postgres does not answer or no connection is free.
        """
        try:
            with (
                Session(self._engine, expire_on_commit=False, autoflush=False) as session,
                session.begin(),
            ):
                yield session
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise DatabaseAway(_first_line(error)) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise DatabaseAway(_first_line(error)) from error
            raise

    def close(self) -> None:
        """Close what is idle; call it when the process ends."""
        self._engine.dispose()


@event.listens_for(Session, "do_orm_execute")
def _leave_snapshots_alone(state: ORMExecuteState) -> None:
    """An UPDATE or DELETE need not be applied to rows already read: they are snapshots."""
    if state.is_update or state.is_delete:
        state.update_execution_options(synchronize_session=False)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
