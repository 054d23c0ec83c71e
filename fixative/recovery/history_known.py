"""What is known already of a page's predictions, and what a known job has lost of them."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, and_, case, cast, func, or_, select, update
from sqlalchemy.orm import Session

from fixative.errors import MalformedPrediction
from fixative.postgres.base import among
from fixative.postgres.tables import TERMINAL_STATUSES, Attempt, Job
from fixative.replicate.prediction import Prediction, read_instant, richer

ENDED = Job.status.in_(TERMINAL_STATUSES)


@dataclass(frozen=True)
class Known:
    """An attempt that has a prediction, and its job, as the database has them."""

    job_id: uuid.UUID
    job_status: str
    deleted: bool
    without_times: bool
    without_input: bool
    prediction: dict[str, Any] | None

    def agrees(self, prediction: Prediction) -> bool:
        """Whether the prediction says nothing that is not known."""
        where_it_is = (prediction.status, *TERMINAL_STATUSES, "storing")
        return self.deleted or (
            self.job_status in where_it_is
            and not self.lacks_of(prediction)
            and not self.news_in(prediction)
        )

    def news_in(self, prediction: Prediction) -> bool:
        """Whether the prediction says more than is kept of it."""
        return richer(self.prediction, prediction.raw) != self.prediction

    def lacks_of(self, prediction: Prediction) -> bool:
        """Whether the job has lost what the prediction tells."""
        return self.without_times or (self.without_input and bool(prediction.input))


def known_of(session: Session, prediction_ids: Iterable[str]) -> dict[str, Known]:
    """Those that an attempt has, by the prediction's id, in one query."""
    lost = or_(Job.submitted_at.is_(None), and_(ENDED, Job.completed_at.is_(None)))
    without_times = and_(Job.attempt_id == Attempt.id, lost)  # of before a retry it tells no time
    rows = session.execute(
        select(
            Attempt.prediction_id,
            Job.id,
            Job.status,
            Job.deleted_at.is_not(None),
            without_times,
            cast(Job.input, Text) == "{}",
            Attempt.prediction,
        )
        .join(Job, Job.id == Attempt.job_id)
        # Written out, so that no plan is kept: it would be one for a table that was small then.
        .where(among(Attempt.prediction_id, *prediction_ids))
    )
    return {
        str(id_): Known(job_id, status, deleted, times, input_, prediction)
        for id_, job_id, status, deleted, times, input_, prediction in rows
    }


def fill_in(session: Session, known: Known, prediction: Prediction) -> None:
    """Give the job what it has lost and the prediction tells; nothing it has is changed.

    What is written of an ended job outside the database is behind it then.
    """
    values: dict[Any, Any] = {
        Job.submitted_at: func.coalesce(Job.submitted_at, prediction.created_at),
        Job.completed_at: case(
            (ENDED, func.coalesce(Job.completed_at, _ended_at(prediction), Job.updated_at))
        ),
        Job.record_due_at: case((ENDED, func.now())),
        Job.updated_at: func.now(),
    }
    if known.without_input:
        values[Job.input] = prediction.input
    session.execute(update(Job).where(Job.id == known.job_id).values(values))


def _ended_at(prediction: Prediction) -> datetime | None:
    try:
        return read_instant(prediction.raw.get("completed_at"))
    except MalformedPrediction:
        return None
