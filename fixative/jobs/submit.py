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
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from fixative.errors import (
    BucketError,
    InvalidRequest,
    LostLease,
    MalformedPrediction,
    ReplicateError,
)
from fixative.jobs.begin import begin_attempt
from fixative.jobs.billing import may_spend
from fixative.jobs.counted import count_attempt
from fixative.jobs.ingest import ingest
from fixative.jobs.overdue import seconds_of_run
from fixative.jobs.sent_input import has_files
from fixative.jobs.store import error_of, move
from fixative.jobs.turn import alone, due, lock, take_turn
from fixative.jobs.work import work_on
from fixative.names import Hint
from fixative.postgres.engine import Database
from fixative.postgres.leases import Lease, LeaseKeeper, free, let_go
from fixative.postgres.notes import note, note_of_each
from fixative.postgres.operation_tables import Epoch
from fixative.postgres.prepared import Prepared, whole
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.attempts import Obstacle, Outcome, outcome_of
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
# Asked again soon: what ends until then may have cost less than it could have.
SPENT = Outcome("held", "no more may be spent today", waiting="spend_cap", seconds=60)
LONGEST_SECONDS = 180  # of one submission; its lease is then renewed no more

DUE = Prepared[tuple[Job, int | None]](
    select(*whole(Job), select(Epoch.number).scalar_subquery()).where(
        Job.id == bindparam("asked"), *due()
    ),
    Job,
)
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Submitter:
    """What creating predictions needs. `webhook_url` None: ask for no webhooks.

    `may_submit` is asked with the database's epoch before anything else is done. `prepare_input`
    gives the input that is to be sent, or None for the job's own; nothing is paid when it raises.
    """

    database: Database
    replicate: Replicate
    models: Models
    pace: Pace
    leases: LeaseKeeper
    may_submit: Callable[[int | None], bool]
    prepare_input: Callable[[Job], dict[str, Any] | None]
    webhook_url: str | None
    max_run_seconds: int

    def submit(self, job_id: uuid.UUID) -> list[Hint]:
        """Create the job's prediction, if that is what the job needs and its turn has come.

        Answers the hints that follow. Safe to call twice, or for a job that is long done.
        """
        found = self.database.alone(DUE, asked=job_id)
        if not found:
            return []
        [(job, epoch)] = found
        if not self.may_submit(epoch):
            return []
        with work_on("submit", job):
            return self._submit(job)

    def _submit(self, job: Job) -> list[Hint]:
        step("submit.begin")
        if job.status == "queued" and not self._has_a_token(job):
            return []  # `admit` takes it in its turn
        try:
            target = self.models.target_of(job.model, job.version, job.deployment)
            input_ = self._prepared(job)
        except LostLease:
            return []
        except (ReplicateError, BucketError, InvalidRequest) as error:
            return self._not_even_begun(job, error)
        begun = self._begin(job, target, input_, self._account())
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
                waits = (
                    update(Job)
                    .where(Job.id == job.id, Job.status == "queued")
                    .values(waiting_reason=grant.reason)
                )
                note_of_each(session, waits.returning(Job.id), "wait", str(grant.reason))
        return bool(grant.granted)

    def _account(self) -> str | None:
        """Whose listing will show the prediction, if Replicate says so now."""
        try:
            return self.replicate.account()
        except ReplicateError as error:
            log.info("account_unknown", error=str(error))
            return None

    def _prepared(self, job: Job) -> dict[str, Any] | None:
        """What `prepare_input` gives. Files take their time, so one worker alone sees to them."""
        if not has_files(job.input):
            return None
        with alone(self.database, self.leases, job):
            return self.prepare_input(job)

    def _begin(
        self, job: Job, target: Target, input_: dict[str, Any] | None, account: str | None
    ) -> tuple[Lease, Attempt] | None:
        """Take the row and commit the attempt; None if somebody else has it."""
        with self.database.begin() as session:
            lease = take_turn(session, job)
            if lease is None:
                return None
            if not may_spend(session, job):
                _go_on(session, job, lease, SPENT)
                return None
            return lease, begin_attempt(session, job, target.version, input_, account)

    def _create(self, job: Job, target: Target, lease: Lease, attempt: Attempt) -> list[Hint]:
        committed_at = time.monotonic()
        webhook = _webhook(self.webhook_url, job.id, attempt.id)
        try:
            lease.check()
            step("submit.post")
            raw = self.replicate.create(
                target,
                attempt.input or job.input,
                webhook=webhook,
                cancel_after=seconds_of_run(job, attempt, self.max_run_seconds),
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
        # What Replicate refuses it may quote.
        why = {"told" if end.outcome == "rejected" else "error": end.error}
        log.warning("attempt_ended", attempt_id=str(attempt.id), outcome=end.outcome, **why)
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
            count_attempt(session, end.outcome)
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

    def _not_even_begun(self, job: Job, error: Obstacle) -> list[Hint]:
        """The model could not be looked up or the input not be prepared, so nothing was sent."""
        end = outcome_of(error)
        # What throttled was the reads' own pace.
        if isinstance(error, ReplicateError) and end.outcome != "throttled":
            self._tell_pace(error)
        with self.database.begin() as session:
            lock(session, job)
            still = select(Job.id).where(Job.id == job.id, free(), *due())
            if session.scalar(still) is None:  # somebody else was quicker
                return []
            if end.outcome == "rejected":
                move(session, job.id, "failed", cause="task", error=error_of(end.code, end.error))
                return []
            waiting = end.waiting or "upstream"
            wait = timedelta(seconds=end.seconds or _back_off(job))
            went_back = move(
                session,
                job.id,
                "queued",
                cause="task",
                came_from={"submitting"},
                detail=f"not sent: {end.error}",
                waiting=waiting,
                wait=wait,
                keep_tries=True,
            )
            if not went_back:  # it never left the queue
                later = {"next_attempt_at": func.now() + wait, "waiting_reason": waiting}
                session.execute(update(Job).where(Job.id == job.id).values(later))
                note(session, job.id, "put_off", "submit", detail=f"not sent: {end.error}")
        return []


def _go_on(session: Session, job: Job, lease: Lease, end: Outcome) -> None:
    """What the job does after an attempt that did not succeed."""
    if end.outcome == "unknown":  # adoption settles it; the row is nobody's meanwhile
        let_go(session, lease)
        return
    if end.outcome == "rejected":
        error = error_of(end.code, end.error)
        move(session, job.id, "failed", cause="task", lease=lease, error=error)
        return
    wait = _back_off(job) if end.outcome == "not_sent" else end.seconds or 0
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


def _back_off(job: Job) -> float:
    """In seconds; each try that reached nothing doubles it."""
    return float(min(BACKOFF_SECONDS * 2 ** min(job.tries, 10), LONGEST_BACKOFF_SECONDS))


def _webhook(url: str | None, job_id: uuid.UUID, attempt_id: uuid.UUID) -> str | None:
    """The webhook's URL with the job and the attempt in its query; its own query is kept."""
    if url is None:
        return None
    ids = urlencode({"job": job_id, "attempt": attempt_id})
    return f"{url}{'&' if urlsplit(url).query else '?'}{ids}"
