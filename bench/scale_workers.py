"""What workers ask again and again, by the functions that they call; nothing of it is kept."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from bench.scale_pages import Probes
from fixative.catalog.price import Price
from fixative.catalog.terms import Terms
from fixative.errors import Conflict
from fixative.jobs.accept import JobRequest, accept, find_first, find_repeated
from fixative.jobs.admit import admit
from fixative.jobs.adopt import adopt_unknown
from fixative.jobs.billing import settle
from fixative.jobs.cached import find_cached
from fixative.jobs.claim import claim
from fixative.jobs.dead_letters import bury
from fixative.jobs.delete import delete_job
from fixative.jobs.deliveries import read_delivery, receive
from fixative.jobs.glance import glance
from fixative.jobs.ingest import ingest
from fixative.jobs.moves import Frontier, Which, newest_move, read_moves
from fixative.jobs.store import get_job, move
from fixative.jobs.turn import take_turn
from fixative.media.manifest import manifest_of
from fixative.notify.notifications import find_untold
from fixative.notify.notifications import take as take_notification
from fixative.postgres.base import among
from fixative.postgres.engine import Database
from fixative.postgres.leases import take
from fixative.postgres.notification_tables import Notification
from fixative.postgres.prepared import Prepared
from fixative.postgres.tables import Attempt, Delivery, Job
from fixative.recovery.gauges import GAUGES
from fixative.recovery.history_known import known_of
from fixative.recovery.history_prune import prune_runs
from fixative.recovery.poll import poll_predictions
from fixative.recovery.record_summary import summary_of
from fixative.recovery.sweep import sweep
from fixative.replicate.client import Replicate
from fixative.replicate.pace import Grant, Pace
from fixative.replicate.prediction import RUNNING, Prediction, read_prediction
from worker.services import Services

WORDS = JobRequest(model="black-forest-labs/flux-schnell", input={"prompt": "a photograph"})

TERMS = Terms(price=Price.model_validate({"per_run": "0.003"}), max_cost=Decimal("0.003"))

Found = TypeVar("Found")
YEARS = 3650  # so long is everything kept


class NothingKept(Database):
    """Transactions on another's connections, each taken back at its end: all stays as it was."""

    def __init__(self, database: Database) -> None:
        self._kept = database
        self.ending: Callable[[Session], None] = lambda _: None  # asked before it is taken back

    @contextmanager
    def begin(self, patience: float = math.inf) -> Iterator[Session]:
        """As a Database's own, but for its end."""
        with self._kept.begin(patience) as session:
            yield session
            self.ending(session)
            session.expunge_all()  # what was read stays as it was read
            session.rollback()

    def alone(self, statement: Prepared[Found], **values: Any) -> list[Found]:
        """Within such a transaction: what it reads is counted at its end."""
        with self.begin() as session:
            return statement.all(session, **values)


class NoTokens:
    """A pace that lets nobody go."""

    def take(self, _: int = 1, **__: bool) -> Grant:
        """None."""
        return Grant(0, "pace", 0.1)


class Listing:
    """A Replicate that has one page to show."""

    def __init__(self, page: list[Any]) -> None:
        self._page = page

    def account(self) -> str:
        """Whose it is."""
        return "acme"

    def pages(self, **_: datetime) -> Iterator[list[Any]]:
        """The page."""
        yield self._page


def worker_probes(services: Services, database: NothingKept) -> Probes:
    """What workers do, by name."""
    with database.begin() as session:
        running = _predictions(session, *RUNNING)
        [ended] = _predictions(session, "succeeded", limit=1)
        jobs = {s: _job(session, Job.status == s) for s in ("queued", "storing", "succeeded")}
        due = _job(session, Job.record_due_at.is_not(None))
        delivery = session.scalars(
            select(Delivery.webhook_id).where(Delivery.processed_at.is_(None)).limit(1)
        ).one()
        told = session.scalars(
            select(Notification.id).where(Notification.next_attempt_at.is_not(None)).limit(1)
        ).one()
    nothing = cast("Replicate", Listing([]))
    page = cast("Replicate", Listing([prediction.raw for prediction in running]))
    no_tokens = cast("Pace", NoTokens())
    news = _news(running[0])
    purger = replace(services.purger, database=database, retention_days=YEARS)
    stranger = read_prediction({**ended.raw, "id": "stranger"})

    def kept(ask: Callable[[Session], Any]) -> Callable[[], None]:
        def run() -> None:
            with database.begin() as session:
                ask(session)

        return run

    owner_id = jobs["succeeded"].owner_id
    return {
        "sweep": lambda: sweep(database, {}),
        "admit": lambda: admit(database, no_tokens),
        "adopt": lambda: adopt_unknown(database, nothing),
        "poll, 80 in flight": lambda: poll_predictions(database, page),
        "what to tell": lambda: find_untold(database, {}),
        "retention": purger.purge,
        "a day's summary": kept(lambda s: summary_of(s, datetime.now(UTC).date())),
        "runs to prune": lambda: prune_runs(database),
        "gauges": kept(lambda s: [list(gauge.read(s)) for gauge in GAUGES]),
        "accept": kept(lambda s: accept(s, WORDS, owner_id, idempotency_key="new", terms=TERMS)),
        "accept under a known key": kept(
            lambda s: _refused(s, owner_id, jobs["succeeded"].idempotency_key)
        ),
        "accept again within a minute": kept(lambda s: find_repeated(s, WORDS, owner_id, None)),
        "accept from the cache": kept(lambda s: find_cached(s, owner_id, ["v1:none"])),
        "submit: take a turn": kept(lambda s: take_turn(s, jobs["queued"])),
        "claim by id": kept(lambda s: claim(s, ended, "webhook")),
        "claim a stranger": kept(lambda s: claim(s, stranger, "webhook")),
        "receive a delivery": kept(lambda s: receive(s, "msg_new", news, jobs["storing"].id)),
        "read a delivery": lambda: read_delivery(database, delivery),
        "ingest what is known": kept(lambda s: ingest(s, ended, cause="poll")),
        "ingest an end": kept(lambda s: ingest(s, news, cause="webhook")),
        "store: take a lease": kept(lambda s: take(s, jobs["storing"].id)),
        "store: the end": kept(lambda s: move(s, jobs["storing"].id, "succeeded", cause="task")),
        "record: a manifest": kept(lambda s: manifest_of(s, get_job(s, due.id))),
        "tell: take the next": kept(lambda s: take_notification(s, Notification.id == told)),
        "delete a job": kept(lambda s: delete_job(s, jobs["succeeded"])),
        "bury a letter": kept(lambda s: bury(s, "a", {"job_id": str(due.id)}, ValueError())),
        "glance at a job": lambda: glance(database, [due.id]),
        "moves: the frontier": kept(lambda s: Frontier().advance(s)),
        "moves: read": kept(_read_moves),
        "history: what is known": kept(lambda s: known_of(s, [p.id for p in running])),
        "ledger: of a job": kept(lambda s: settle(s, jobs["succeeded"].id)),
    }


def _refused(session: Session, owner_id: UUID, key: str | None) -> None:
    with suppress(Conflict):  # other words stand under it
        find_first(session, WORDS, owner_id, key)


def _read_moves(session: Session) -> None:
    newest = newest_move(session)
    read_moves(session, [Which()], after=newest - 100, up_to=newest, limit=100)


def _predictions(session: Session, *statuses: str, limit: int = 200) -> list[Prediction]:
    """The newest of these statuses, as Replicate told them."""
    told = select(Attempt.prediction).where(
        among(Attempt.prediction_status, *statuses), Attempt.prediction.is_not(None)
    )
    newest = session.scalars(told.order_by(Attempt.created_at.desc()).limit(limit))
    return [read_prediction(raw) for raw in newest]


def _job(session: Session, which: ColumnElement[bool]) -> Job:
    """The newest of these that has what a job can have."""
    keyed = which & Job.idempotency_key.is_not(None) & Job.price.is_not(None)
    newest = select(Job).where(keyed, Job.deleted_at.is_(None)).order_by(Job.id.desc())
    return session.scalars(newest.limit(1)).one()


def _news(running: Prediction) -> Prediction:
    """The end of one that runs."""
    now = datetime.now(UTC).isoformat()
    end = {"status": "succeeded", "output": ["https://replicate.delivery/a/out-0.webp"]}
    return read_prediction({**running.raw, **end, "completed_at": now})
