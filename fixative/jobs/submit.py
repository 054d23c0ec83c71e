"""Submit: one prediction for a job, and never a second one.

The attempt's row is committed before the POST. Whatever happens to the POST, or to us, is settled
into that row before another POST is thinkable: see "Submitting" in ARCHITECTURE.md.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.errors import LostLease, MalformedPrediction, ReplicateError
from fixative.jobs.claim import paid_or_unsettled
from fixative.jobs.ingest import ingest
from fixative.jobs.pauses import paused
from fixative.jobs.store import error_of, move
from fixative.names import Hint
from fixative.postgres.engine import Database
from fixative.postgres.leases import Lease, LeaseKeeper, free, let_go, take
from fixative.postgres.operation_tables import Epoch
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.attempts import Outcome, outcome_of
from fixative.replicate.client import Replicate
from fixative.replicate.models import Models
from fixative.replicate.pace import Pace
from fixative.replicate.prediction import read_prediction
from fixative.replicate.target import Target
from fixative.replicate.throttling import learned_pace
from fixative.steps import step

FENCE_SECONDS = 10
BACKOFF_SECONDS = 2.0
LONGEST_BACKOFF_SECONDS = 60.0
LONGEST_SECONDS = 180  # of one submission; its lease is then renewed no more

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Submitter:
    """What creating predictions needs. `webhook_url` None: ask for no webhooks.

    `may_submit` is asked with the database's epoch before anything else is done.
    """

    database: Database
    replicate: Replicate
    models: Models
    pace: Pace
    leases: LeaseKeeper
    may_submit: Callable[[int | None], bool]
    webhook_url: str | None
    max_run_seconds: int

    def submit(self, job_id: uuid.UUID) -> list[Hint]:
        """Create the job's prediction, if that is what the job needs and its turn has come.

        Answers the hints that follow. Safe to call twice, or for a job that is long done.
        """
        with self.database.begin() as session:
            epoch = select(Epoch.number).scalar_subquery()
            found = select(Job, epoch).where(Job.id == job_id, *due())
            row = session.execute(found).one_or_none()
        if row is None or not self.may_submit(row[1]):
            return []
        job: Job = row[0]
        step("submit.begin")
        if job.status == "queued" and not self._has_a_token(job):
            return []  # `admit` takes it in its turn
        try:
            target = self.models.target_of(job.model, job.version, job.deployment)
        except ReplicateError as error:
            return self._not_even_begun(job, error)
        begun = self._begin(job, target, self._account())
        if begun is None:
            return []
        lease, attempt = begun
        step("submit.begun")
        with self.leases.keep(lease, at_most=LONGEST_SECONDS):
            hints = self._create(job, target, lease, attempt)
        step("submit.settled")
        return hints

    def _has_a_token(self, job: Job) -> bool:
        """Whether the job may go now; if not, its row says why it waits."""
        grant = self.pace.take()
        if not grant.granted and job.waiting_reason != grant.reason:
            with self.database.begin() as session:
                session.execute(
                    update(Job)
                    .where(Job.id == job.id, Job.status == "queued")
                    .values(waiting_reason=grant.reason)
                )
        return bool(grant.granted)

    def _account(self) -> str | None:
        """Whose listing will show the prediction, if Replicate says so now."""
        try:
            return self.replicate.account()
        except ReplicateError as error:
            log.info("account_unknown", error=str(error))
            return None

    def _begin(self, job: Job, target: Target, account: str | None) -> tuple[Lease, Attempt] | None:
        """Take the row and commit the attempt; None if somebody else has it."""
        with self.database.begin() as session:
            _lock(session, job)
            move(
                session,
                job.id,
                "submitting",
                cause="task",
                came_from={"queued"},
                keep_tries=True,
            )
            lease = take(session, job.id, Job.status == "submitting", *due())
            if lease is None:
                return None
            earlier = select(func.count()).where(Attempt.job_id == job.id).scalar_subquery()
            attempt = Attempt(
                id=uuid7(),
                job_id=job.id,
                number=earlier + 1,
                version=target.version,
                account=account,
            )
            session.add(attempt)
            session.flush()
            begun = {"attempt_id": attempt.id, "waiting_reason": None}
            session.execute(update(Job).where(Job.id == job.id).values(begun))
            return lease, attempt

    def _create(self, job: Job, target: Target, lease: Lease, attempt: Attempt) -> list[Hint]:
        committed_at = time.monotonic()
        webhook = _webhook(self.webhook_url, job.id, attempt.id)
        try:
            lease.check()
            step("submit.post")
            raw = self.replicate.create(
                target,
                job.input,
                webhook=webhook,
                cancel_after=self.max_run_seconds,
                # The last look before money is spent stands directly before the first byte: a
                # worker that was paused for long must not post.
                begin_by=min(committed_at + FENCE_SECONDS, lease.held_until),
            )
            prediction = read_prediction(raw)
        except LostLease as error:
            return self._settle(job, lease, attempt, Outcome("not_sent", str(error)))
        except MalformedPrediction as error:
            return self._settle(job, lease, attempt, Outcome("unknown", str(error)))
        except ReplicateError as error:
            self._tell_pace(error)
            return self._settle(job, lease, attempt, outcome_of(error))
        step("submit.posted")
        self.pace.succeeded()
        with self.database.begin() as session:
            ingested = ingest(session, prediction, cause="task", attempt=attempt)
        return ingested.hints

    def _settle(self, job: Job, lease: Lease, attempt: Attempt, end: Outcome) -> list[Hint]:
        """Write down what the attempt ended as, and what the job does now."""
        step("submit.posted")
        log.warning("attempt_ended", job_id=str(job.id), outcome=end.outcome, error=end.error)
        with self.database.begin() as session:
            settled = session.scalar(
                update(Attempt)
                .where(Attempt.id == attempt.id, Attempt.outcome == "open")
                .values(
                    outcome=end.outcome,
                    error=end.error,
                    ended_at=func.now(),
                    settled_at=None if end.outcome == "unknown" else func.now(),
                )
                .returning(Attempt.id)
            )
            if settled is None:  # a webhook or adoption knew better, meanwhile
                return []
            _go_on(session, job, lease, end)
        return []

    def _tell_pace(self, error: ReplicateError) -> None:
        """Let what Replicate answered slow or stop the creates of all jobs."""
        end = outcome_of(error)
        if end.outcome == "throttled":
            self.pace.throttled(end.seconds, learned_pace(end.error))
        elif end.outcome == "held" and end.waiting:
            self.pace.hold(end.waiting)
        elif end.outcome in {"not_sent", "unknown"}:
            self.pace.failed()
        else:
            self.pace.succeeded()

    def _not_even_begun(self, job: Job, error: ReplicateError) -> list[Hint]:
        """The model could not be looked up, so nothing was sent."""
        end = outcome_of(error)
        if end.outcome != "throttled":  # that was the reads' own pace
            self._tell_pace(error)
        with self.database.begin() as session:
            _lock(session, job)
            still = select(Job.id).where(Job.id == job.id, free(), *due())
            if session.scalar(still) is None:  # somebody else was quicker
                return []
            if end.outcome == "rejected":
                move(session, job.id, "failed", cause="task", error=error_of(end.code, end.error))
            else:
                session.execute(
                    update(Job)
                    .where(Job.id == job.id)
                    .values(
                        next_attempt_at=_in(end.seconds or BACKOFF_SECONDS),
                        waiting_reason=end.waiting or "upstream",
                    )
                )
        return []


def _lock(session: Session, job: Job) -> None:
    session.execute(select(Job.id).where(Job.id == job.id).with_for_update())


def due() -> tuple[Any, ...]:
    """The conditions under which a job may be submitted now: above all, nothing may be paid yet.

    Ask in a statement of its own after the row is locked: an EXISTS sees what was committed when
    its statement began, not when the lock was had.
    """
    paid = exists().where(Attempt.job_id == Job.id, paid_or_unsettled())
    return (
        Job.status.in_(("queued", "submitting")),
        Job.next_attempt_at <= func.now(),
        Job.cancel_requested_at.is_(None),
        ~paused(),
        ~paid,
    )


def _go_on(session: Session, job: Job, lease: Lease, end: Outcome) -> None:
    """What the job does after an attempt that did not succeed."""
    if end.outcome == "unknown":  # adoption settles it; the row is nobody's meanwhile
        let_go(session, lease)
        return
    if end.outcome == "rejected":
        error = error_of(end.code, end.error)
        move(session, job.id, "failed", cause="task", lease=lease, error=error)
        return
    if end.outcome == "not_sent":
        wait = min(BACKOFF_SECONDS * 2 ** min(job.tries, 10), LONGEST_BACKOFF_SECONDS)
    else:
        wait = end.seconds or 0
    move(
        session,
        job.id,
        "queued",
        cause="task",
        lease=lease,
        detail=f"{end.outcome}: {end.error}",
        waiting=end.waiting,
        wait=timedelta(seconds=wait),
        keep_tries=True,
    )


def _in(seconds: float) -> Any:
    return func.now() + timedelta(seconds=seconds)


def _webhook(url: str | None, job_id: uuid.UUID, attempt_id: uuid.UUID) -> str | None:
    """The webhook's URL with the job and the attempt in its query; its own query is kept."""
    if url is None:
        return None
    ids = urlencode({"job": job_id, "attempt": attempt_id})
    return f"{url}{'&' if urlsplit(url).query else '?'}{ids}"
