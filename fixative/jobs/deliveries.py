"""Deliveries: webhooks written down before they are answered, and read afterwards."""

import uuid
from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fixative.jobs.ingest import ingest
from fixative.names import INGEST_PREDICTION, Hint
from fixative.postgres.engine import Database
from fixative.postgres.tables import Delivery
from fixative.replicate.prediction import Prediction, read_prediction

LOOK_AGAIN = timedelta(seconds=10)
YOUNG = timedelta(minutes=20)  # an unknown create is settled, or needs a person, well before


def receive(
    session: Session, webhook_id: str, prediction: Prediction, job_id: uuid.UUID | None
) -> list[Hint]:
    """Keep a verified webhook; the same webhook-id again is the same delivery.

    `job_id` is what the URL said: shown in a timeline, trusted for nothing.
    """
    new = session.scalar(
        insert(Delivery)
        .values(
            webhook_id=webhook_id,
            prediction_id=prediction.id,
            prediction_status=prediction.status,
            job_id=job_id,
            prediction=prediction.raw,
            next_attempt_at=func.now() + LOOK_AGAIN,  # the hint comes first, the sweep after it
        )
        .on_conflict_do_nothing()
        .returning(Delivery.webhook_id)
    )
    return [] if new is None else [Hint(INGEST_PREDICTION, {"delivery_id": webhook_id})]


def read_delivery(database: Database, webhook_id: str) -> list[Hint]:
    """Ingest a delivery that is not read yet; answers the hints that follow.

    One that might belong to an attempt still unsettled is looked at again, for 20 minutes.
    """
    with database.begin() as session:
        delivery = session.scalars(
            select(Delivery)
            .where(Delivery.webhook_id == webhook_id, Delivery.processed_at.is_(None))
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if delivery is None:
            return []
        ingested = ingest(session, read_prediction(delivery.prediction), cause="webhook")
        now = session.scalars(select(func.now())).one()
        later = ingested.result == "set_aside" and now - delivery.received_at < YOUNG
        session.execute(
            update(Delivery)
            .where(Delivery.webhook_id == webhook_id)
            .values(
                processed_at=None if later else now,
                next_attempt_at=now + LOOK_AGAIN,
                result=ingested.result,
            )
        )
        return ingested.hints
