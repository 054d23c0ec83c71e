"""Adoption: what became of a create whose answer we never saw.

Either one of Replicate's own listings shows the prediction, and it is ours; or enough of them,
complete and late enough, do not, and it never was. Nothing is sent again before that. What stays
unclear for long waits for a person, with what it might be.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Select, func, or_, select, true, update
from sqlalchemy.orm import Session

from fixative.errors import MalformedPrediction
from fixative.jobs.counted import count_attempt
from fixative.jobs.fitting import CLOCKS_DIFFER, in_window, same_target
from fixative.jobs.ingest import ingest
from fixative.jobs.sent_input import may_have_sent
from fixative.jobs.states import NEEDS_REVIEW
from fixative.jobs.store import move
from fixative.names import Hint
from fixative.postgres.base import among
from fixative.postgres.engine import Database
from fixative.postgres.leases import free
from fixative.postgres.notes import note_of_each
from fixative.postgres.tables import UNSETTLED, Attempt, Job
from fixative.replicate.client import Replicate
from fixative.replicate.prediction import Prediction, read_prediction
from fixative.telemetry.alarms import alarm

SETTLE_AFTER = timedelta(seconds=120)
LISTINGS_APART = timedelta(seconds=10)
REVIEW_AFTER = timedelta(minutes=15)
MOST_CANDIDATES = 20

log = structlog.get_logger(__name__)


@dataclass
class Listing:
    """One walk through Replicate's list: what no attempt of ours has, and how far to trust it."""

    began_at: datetime
    complete: bool = True  # every entry could be read
    unclaimed: list[Prediction] = field(default_factory=list)


def adopt_unknown(database: Database, replicate: Replicate) -> list[Hint]:
    """Settle the attempts whose end nobody saw, as far as one listing can.

    Raises NotSent, NoAnswer or Refused: then the listing is void, and what it had already shown
    to be ours stays ours.
    """
    with database.begin() as session:
        _close_abandoned(session)
        _ask_for_review(session)
        any_unknown = select(Attempt.id).where(among(Attempt.outcome, "unknown")).limit(1)
        if session.scalar(any_unknown) is None:
            return []
    account = replicate.account()
    with database.begin() as session:
        unknown = session.execute(_unknown_of(account)).all()
        listing = Listing(session.scalars(select(func.now())).one())
    if not unknown:
        return []
    since = unknown[0].created_at - CLOCKS_DIFFER
    hints = list(_claim_all(database, replicate.pages(created_after=since), listing))
    # Only what was unknown before the listing began: it need not have covered any other.
    for attempt_id, _ in unknown:
        with database.begin() as session:
            still = select(Attempt).where(Attempt.id == attempt_id, Attempt.outcome == "unknown")
            locked = session.scalars(still.with_for_update()).one_or_none()
            if locked is not None:
                hints += _settle(session, locked, listing)
    return hints


def prove_absent(session: Session, job: Job, attempt: Attempt, *, cause: str, detail: str) -> None:
    """Settle that nothing was created; its job, if it waits for that, is queued again."""
    settled = session.scalar(
        update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.outcome.in_(UNSETTLED))
        .values(outcome="absent", settled_at=func.now(), candidates=None)
        .returning(Attempt.id)
    )
    if settled is not None:
        count_attempt(session, "absent")
    if settled is not None and job.attempt_id == attempt.id:
        move(session, job.id, "queued", cause=cause, detail=detail)
    log.info("attempt_absent", job_id=str(job.id), attempt_id=str(attempt.id))


def _unknown_of(account: str | None) -> Select[uuid.UUID, datetime]:
    """Those that this account's list can settle, with their times, the oldest first.

    A token may have been changed for another's.
    """
    of_it = or_(Attempt.account.is_(None), Attempt.account == account)
    whose = true() if account is None else of_it
    unknown = among(Attempt.outcome, "unknown")
    return select(Attempt.id, Attempt.created_at).where(unknown, whose).order_by(Attempt.created_at)


def _close_abandoned(session: Session) -> None:
    """An open attempt whose worker's lease ran out: the worker is dead, or must not go on."""
    abandoned = session.execute(
        select(Attempt.id, Job.id, Job.lease_until)
        .join(Job, Job.id == Attempt.job_id)
        .where(among(Attempt.outcome, "open"), free())
    )
    for attempt_id, job_id, lease_until in abandoned:
        session.execute(
            update(Attempt)
            .where(Attempt.id == attempt_id, Attempt.outcome == "open")
            .values(
                outcome="unknown",
                error="its worker was lost",
                ended_at=lease_until or func.now(),
            )
        )
        count_attempt(session, "unknown")
        # Should that worker wake up after all, its lease is not to be renewed.
        session.execute(
            update(Job)
            .where(Job.id == job_id, free())
            .values(lease_token=Job.lease_token + 1, lease_until=None)
        )


def _ask_for_review(session: Session) -> None:
    """Say of what was not settled in a quarter of an hour that a person should look at it."""
    overdue = select(Attempt.job_id).where(
        among(Attempt.outcome, "unknown"),
        func.coalesce(Attempt.ended_at, Attempt.created_at) < func.now() - REVIEW_AFTER,
    )
    review = (
        update(Job)
        .where(
            Job.id.in_(overdue),
            Job.status == "submitting",
            Job.waiting_reason.is_distinct_from(NEEDS_REVIEW),
        )
        .values(waiting_reason=NEEDS_REVIEW, updated_at=func.now())
        .returning(Job.id)
    )
    asked = note_of_each(session, review, "wait", NEEDS_REVIEW)
    if asked:
        alarm("attempts_need_review", jobs=len(asked), first=str(asked[0]))


def _claim_all(database: Database, pages: Iterable[list[Any]], listing: Listing) -> Iterator[Hint]:
    """Ingest what the pages show and no attempt has yet; what stays unclaimed is noted."""
    for page in pages:
        with database.begin() as session:
            ids = [raw["id"] for raw in page if isinstance(raw, dict) and "id" in raw]
            known = set(
                session.scalars(select(Attempt.prediction_id).where(Attempt.prediction_id.in_(ids)))
            )
        for raw in page:
            try:
                prediction = read_prediction(raw)
            except MalformedPrediction as error:  # it may be the very one that we look for
                log.warning("malformed_prediction_in_listing", error=str(error))
                listing.complete = False
                continue
            if prediction.id in known:
                continue
            with database.begin() as session:
                ingested = ingest(session, prediction, cause="adopt")
            yield from ingested.hints
            if ingested.result in {"set_aside", "stranger"}:
                listing.unclaimed.append(prediction)


def _settle(session: Session, attempt: Attempt, listing: Listing) -> list[Hint]:
    """What a listing means for one unknown attempt."""
    job = session.get_one(Job, attempt.job_id)
    alike = [p for p in listing.unclaimed if _alike(job, attempt, p)]
    # An attempt whose place was taken is only to be proven absent: whatever looks like it is
    # more likely somebody else's, and would be cancelled.
    match = (
        next((p for p in alike if _is_it(job, attempt, p)), None)
        if _current(job, attempt)
        else None
    )
    if match is not None:
        listing.unclaimed.remove(match)
        return ingest(session, match, cause="adopt", attempt=attempt).hints
    named = [p for p in listing.unclaimed if p.claimed_by == (job.id, attempt.id)]
    if job.waiting_reason == NEEDS_REVIEW:
        _note_candidates(session, job, attempt, [*named, *alike])
    if named:
        log.error("prediction_names_us_but_does_not_fit", attempt_id=str(attempt.id))
        return []  # it is there, so nothing is sent again; a person has to look
    if not listing.complete:
        return []
    ended_at = attempt.ended_at or listing.began_at
    twice = attempt.listed_at is not None and listing.began_at - attempt.listed_at >= LISTINGS_APART
    if twice and listing.began_at - ended_at >= SETTLE_AFTER:
        prove_absent(session, job, attempt, cause="adopt", detail="proven absent")
    elif attempt.listed_at is None:
        seen = update(Attempt).where(Attempt.id == attempt.id)
        session.execute(seen.values(listed_at=listing.began_at))
    return []


def _current(job: Job, attempt: Attempt) -> bool:
    return job.attempt_id == attempt.id


def _alike(job: Job, attempt: Attempt, prediction: Prediction) -> bool:
    """Whether a prediction that names no job is of the target, and of the time, of this attempt."""
    return (
        prediction.claimed_by is None
        and in_window(attempt, prediction)
        and same_target(job, attempt, prediction)
    )


def _is_it(job: Job, attempt: Attempt, prediction: Prediction) -> bool:
    """Whether the input is the one that was sent; one that Replicate removed may have been."""
    return not prediction.input or may_have_sent(job, attempt, prediction.input)


def _note_candidates(
    session: Session, job: Job, attempt: Attempt, candidates: list[Prediction]
) -> None:
    """Keep what a person can choose from when settling by hand."""
    shown = [
        {
            "id": prediction.id,
            "status": prediction.status,
            "created_at": prediction.created_at.isoformat(),
            "model": prediction.model,
            "version": prediction.version,
            "names_this_attempt": prediction.claimed_by == (job.id, attempt.id),
            "same_input": _is_it(job, attempt, prediction),
        }
        for prediction in candidates[:MOST_CANDIDATES]
    ]
    session.execute(update(Attempt).where(Attempt.id == attempt.id).values(candidates=shown))
