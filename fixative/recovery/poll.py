"""Polling: what is in flight is asked for, so that no webhook is needed for certainty."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from fixative.errors import MalformedPrediction, Refused
from fixative.jobs.fitting import CLOCKS_DIFFER
from fixative.jobs.ingest import ingest
from fixative.jobs.store import error_of, move
from fixative.names import Hint
from fixative.postgres.base import among
from fixative.postgres.engine import Database
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.client import Replicate
from fixative.replicate.prediction import RUNNING, read_prediction

FEW = 20  # up to so many are asked for one by one; more are cheaper by pages of a hundred
SETTLING = timedelta(seconds=2)  # Replicate may not know a prediction just after it made it
NOT_FOUND = 404
FOR_ALL = frozenset({401, 402, 403, 429})  # it would be the same for every other prediction
LOST_AFTER = timedelta(minutes=10)  # of saying so, whatever the prediction's age

log = structlog.get_logger(__name__)


def poll_predictions(database: Database, replicate: Replicate) -> list[Hint]:
    """Ask about every prediction in flight and ingest the answers.

    Raises NotSent, NoAnswer or Refused when Replicate does not answer; what was ingested stays.
    """
    with database.begin() as session:
        flying = _in_flight(session)
    hints: list[Hint] = []
    if len(flying) > FEW:
        seen, hints = _from_pages(database, replicate, flying)
        flying = {id_: since for id_, since in flying.items() if id_ not in seen}
    for prediction_id, flight in flying.items():
        hints += _one(database, replicate, prediction_id, flight)
    return hints


def ask_about(database: Database, replicate: Replicate, prediction_id: str) -> list[Hint]:
    """Ingest one prediction as Replicate has it now, known or not.

    Raises NotSent, NoAnswer or Refused.
    """
    return _ingest(database, replicate.get(prediction_id))


@dataclass(frozen=True)
class _Flight:
    """Since when a prediction is under way, and whether Replicate last said it knows none."""

    since: datetime
    missed: bool


def _in_flight(session: Session) -> dict[str, _Flight]:
    rows = session.execute(
        select(Attempt.prediction_id, Attempt.created_at, Attempt.missed_at).where(
            among(Attempt.prediction_status, *RUNNING), Attempt.created_at < func.now() - SETTLING
        )
    )
    return {id_: _Flight(since, missed is not None) for id_, since, missed in rows if id_}


def _from_pages(
    database: Database, replicate: Replicate, flying: dict[str, _Flight]
) -> tuple[set[str], list[Hint]]:
    """Those in flight that Replicate's list shows, ingested."""
    seen: set[str] = set()
    hints: list[Hint] = []
    oldest = min(flight.since for flight in flying.values())
    pages = replicate.pages(created_after=oldest - CLOCKS_DIFFER)
    for read, page in enumerate(pages, start=1):
        for raw in page:
            if not isinstance(raw, dict) or raw.get("id") not in flying:
                continue
            hints += _ingest(database, raw, flying[raw["id"]])
            seen.add(raw["id"])
        if read >= len(flying) - len(seen):
            break  # nothing is left, or as many single questions are cheaper than more pages
    return seen, hints


def _one(
    database: Database, replicate: Replicate, prediction_id: str, flight: _Flight
) -> list[Hint]:
    try:
        raw = replicate.get(prediction_id)
    except Refused as error:
        if error.status in FOR_ALL:
            raise
        log.warning("poll_refused", prediction_id=prediction_id, error=str(error))
        if error.status == NOT_FOUND:
            with database.begin() as session:
                _missed(session, prediction_id)
        return []
    return _ingest(database, raw, flight)


def _ingest(database: Database, raw: object, flight: _Flight | None = None) -> list[Hint]:
    try:
        prediction = read_prediction(raw)
    except MalformedPrediction as error:
        log.warning("malformed_prediction", error=str(error))
        return []
    with database.begin() as session:
        if flight is not None and flight.missed:
            found = update(Attempt).where(Attempt.prediction_id == prediction.id)
            session.execute(found.values(missed_at=None))
        return ingest(session, prediction, cause="poll").hints


def _missed(session: Session, prediction_id: str) -> None:
    """Replicate does not know it: too early, for a while; after ten minutes it is lost there."""
    running = (Attempt.prediction_id == prediction_id, Attempt.prediction_status.in_(RUNNING))
    session.execute(
        update(Attempt).where(*running, Attempt.missed_at.is_(None)).values(missed_at=func.now())
    )
    lost = session.execute(
        update(Attempt)
        .where(*running, Attempt.missed_at < func.now() - LOST_AFTER)
        .values(prediction_status="lost")
        .returning(Attempt.job_id, Attempt.id)
    ).one_or_none()
    if lost is None:
        return
    job = session.get_one(Job, lost.job_id, with_for_update=True)
    if job.attempt_id == lost.id:
        error = error_of("internal", f"Replicate no longer knows prediction {prediction_id}")
        move(session, job.id, "failed", cause="poll", error=error)
