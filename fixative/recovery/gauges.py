"""What Postgres tells at each scrape: rows of the work in hand, and never of history.

Every reader gives values by their labels; what it leaves out is not shown.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from fixative.access.budgets import EVERYBODY
from fixative.catalog.drift import drifted
from fixative.jobs.billing import TODAY
from fixative.jobs.job_query import UNFINISHED
from fixative.jobs.listing import backlog
from fixative.postgres.base import among
from fixative.postgres.money_tables import Budget, SpendDay
from fixative.postgres.notification_tables import Notification, Subscriber
from fixative.postgres.operation_tables import DeadLetter, Pause, Tick
from fixative.postgres.presence import lateness, live
from fixative.postgres.sync_tables import SYNC_STATUSES, SyncRun
from fixative.postgres.tables import TERMINAL_STATUSES, Delivery, Job
from fixative.recovery.state import count_in_review, count_unrecorded, unrecorded_seconds

Values = Iterable[tuple[tuple[str, ...], float]]
SAMPLED_PAGES = 200
# Estimated from so many pages of the table; of a smaller one all are read.
BUCKET_BYTES = text("""
    SELECT coalesce(sum(bytes), 0) * 100 / :percent FROM media TABLESAMPLE SYSTEM (:percent)
    REPEATABLE (0)
""")
PAGES_OF_MEDIA = text(
    "SELECT pg_relation_size('media') / current_setting('block_size')::int AS pages"
)


# When the first row of a stage is due; each in the words of an index.
NEXT = func.min(Job.next_attempt_at)
UNTOLD = Notification.next_attempt_at
FIRST_DUE: tuple[tuple[str, Select[Any]], ...] = (
    ("submit", select(NEXT).where(among(Job.status, "queued"))),
    ("submit", select(NEXT).where(among(Job.status, "submitting"))),
    ("store", select(NEXT).where(among(Job.status, "storing"))),
    ("derive", select(func.min(Job.derive_due_at))),
    ("record", select(func.min(Job.record_due_at))),
    (
        "cancel",
        select(func.min(Job.cancel_requested_at)).where(~among(Job.status, *TERMINAL_STATUSES)),
    ),
    ("ingest", select(func.min(Delivery.next_attempt_at)).where(Delivery.processed_at.is_(None))),
    ("notify", select(func.min(UNTOLD)).where(UNTOLD.is_not(None))),
    ("purge", select(func.min(Job.purge_due_at))),
)


@dataclass(frozen=True)
class Gauge:
    """What is read, under which name, by which labels."""

    name: str
    means: str
    read: Callable[[Session], Values]
    labels: tuple[str, ...] = ()


def _jobs(session: Session) -> Values:
    return [((status,), count) for status, count in backlog(session).jobs.items()]


def _waiting(session: Session) -> Values:
    reasons = (
        select(Job.waiting_reason, func.count())
        .where(among(Job.status, *statuses), Job.waiting_reason.is_not(None))
        .group_by(Job.waiting_reason)
        for statuses in (UNFINISHED[:1], UNFINISHED[1:])  # each has an index of its own
    )
    counts = Counter[str]()
    for reason in reasons:
        counts.update(dict(session.execute(reason).all()))  # type: ignore[arg-type]
    return [((reason,), count) for reason, count in counts.items()]


def _stages(session: Session) -> Values:
    late = {stage: 0.0 for stage, _ in FIRST_DUE}
    for stage, first_due in FIRST_DUE:
        seconds = select(func.extract("epoch", func.now() - first_due.scalar_subquery()))
        late[stage] = max(late[stage], float(session.scalar(seconds) or 0))
    return [((stage,), seconds) for stage, seconds in late.items()]


def _workers(session: Session) -> Values:
    roles = Counter(name.partition("@")[0] for name in live(session))
    return [((role,), count) for role, count in roles.items()]


def _next_expiry(session: Session) -> Values:
    first = select(func.min(Job.expires_at)).where(among(Job.status, "storing"))
    left = func.extract("epoch", first.scalar_subquery() - func.now())
    return _if_any(session.scalar(select(left)))


def _ticks(session: Session) -> Values:
    age = func.extract("epoch", func.now() - Tick.finished_at)
    ticks = select(Tick.name, age).where(Tick.finished_at.is_not(None))
    return [((name,), float(seconds)) for name, seconds in session.execute(ticks)]


def _dead_letters(session: Session) -> Values:
    letters = select(DeadLetter.task, func.count()).where(DeadLetter.requeued_at.is_(None))
    found = session.execute(letters.group_by(DeadLetter.task))
    return [((task,), count) for task, count in found]


def _syncs(session: Session) -> Values:
    for status in SYNC_STATUSES:
        newest = select(func.max(SyncRun.started_at)).where(SyncRun.status == status)
        age = session.scalar(select(func.extract("epoch", func.now() - newest.scalar_subquery())))
        if age is not None:
            yield (status,), float(age)


def _bucket_bytes(session: Session) -> Values:
    pages = session.scalars(PAGES_OF_MEDIA).one()
    percent = min(100.0, 100 * SAMPLED_PAGES / max(1, pages))
    return [((), float(session.execute(BUCKET_BYTES, {"percent": percent}).scalar_one()))]


def _closed(session: Session) -> Values:
    closed = select(func.count()).where(Subscriber.closed_until > func.now())
    return [((), session.scalar(closed) or 0)]


def _spent(session: Session) -> Values:
    return [((), float(session.scalar(select(SpendDay.amount).where(SpendDay.day == TODAY)) or 0))]


def _cap(session: Session) -> Values:
    of_all = (Budget.holder == EVERYBODY, Budget.period == "day")
    return _if_any(session.scalar(select(Budget.amount).where(*of_all)))


def _if_any(value: Any) -> Values:
    return [] if value is None else [((), float(value))]


def _number(read: Callable[[Session], float]) -> Callable[[Session], Values]:
    return lambda session: [((), read(session))]


GAUGES = (
    Gauge("fixative_jobs", "Unfinished jobs by status", _jobs, ("status",)),
    Gauge("fixative_jobs_waiting", "Unfinished jobs by why they wait", _waiting, ("reason",)),
    Gauge("fixative_jobs_in_review", "Jobs that wait for a person", _number(count_in_review)),
    Gauge(
        "fixative_oldest_due_seconds",
        "How late the unfinished job is that is due for longest",
        _number(lambda session: backlog(session).oldest_due_seconds),
    ),
    Gauge("fixative_stage_due_seconds", "How late a stage's oldest row is", _stages, ("stage",)),
    Gauge("fixative_next_expiry_seconds", "Until the first output is deleted", _next_expiry),
    Gauge(
        "fixative_oldest_unrecorded_seconds",
        "For how long the oldest accepted job waits for its record in OUTPUT_DIR",
        _number(unrecorded_seconds),
    ),
    Gauge(
        "fixative_unrecorded_jobs",
        "Ended jobs whose record in OUTPUT_DIR and manifest are behind",
        _number(count_unrecorded),
    ),
    Gauge("fixative_workers", "Workers that live", _workers, ("role",)),
    Gauge(
        "fixative_worker_canary_late_seconds",
        "By how much the last canary is ahead of what the worker heard",
        lambda session: [((name,), late) for name, late in lateness(session).items()],
        ("worker",),
    ),
    Gauge("fixative_tick_age_seconds", "Since a periodic task last ended", _ticks, ("tick",)),
    Gauge("fixative_dead_letters_open", "Letters nobody requeued", _dead_letters, ("task",)),
    Gauge("fixative_sync_age_seconds", "Since the newest such run began", _syncs, ("status",)),
    Gauge("fixative_subscribers_closed", "Origins that are left alone for now", _closed),
    Gauge("fixative_bucket_bytes", "Bytes of media in the bucket, estimated", _bucket_bytes),
    Gauge("fixative_spend_day_dollars", "What the attempts of this UTC day cost", _spent),
    Gauge("fixative_spend_day_cap_dollars", "What may be spent in a day", _cap),
    Gauge(
        "fixative_paused",
        "Pauses in force",
        _number(lambda session: session.scalar(select(func.count(Pause.scope))) or 0),
    ),
    Gauge(
        "fixative_model_drift",
        "1 for what differs from what was accepted of a model: schema, price, time, output",
        lambda session: [(found, 1) for found in drifted(session)],
        ("model", "what"),
    ),
)
