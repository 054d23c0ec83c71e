"""Deliveries: webhooks written down before they are answered, and read afterwards."""

import uuid
from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fixative.errors import WorkerLost
from fixative.jobs.dead_letters import bury
from fixative.jobs.ingest import ingest
from fixative.names import INGEST_PREDICTION, Hint
from fixative.postgres.engine import Database
from fixative.postgres.leases import MOST_CRASHES
from fixative.postgres.tables import Delivery
from fixative.replicate.prediction import Prediction, read_prediction, remnant
from fixative.steps import step
from fixative.telemetry.alarms import alarm
from fixative.telemetry.metrics import UNCLAIMED

LOOK_AGAIN = timedelta(seconds=10)
# So long a prediction that nobody knows waits for its job: an unclear create is settled, or needs a
# person, well before.
YOUNG = timedelta(minutes=20)


def receive(
    session: Session, webhook_id: str, prediction: Prediction, job_id: uuid.UUID | None
) -> list[Hint]:
    """Keep a verified webhook; the same webhook-id again, or the same news, is the same delivery.

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

    One of a young prediction that nobody knows is looked at again, for 20 minutes. One that every
    reading was the death of is read no more.
    """
    step("ingest.read")
    if not _count_again(database, webhook_id):
        return []
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
        unclaimed = ingested.result in {"set_aside", "stranger"}
        deleted = ingested.job is not None and ingested.job.deleted_at is not None
        kept = remnant(delivery.prediction) if deleted else Delivery.prediction
        young = now - delivery.received_at < YOUNG
        session.execute(
            update(Delivery)
            .where(Delivery.webhook_id == webhook_id)
            .values(
                processed_at=None if unclaimed and young else now,
                # Looked at less and less often; it came back from this reading, so from all.
                next_attempt_at=now + max(LOOK_AGAIN, (now - delivery.received_at) / 4),
                tries=0,
                result=ingested.result,
                prediction=kept,
            )
        )
    step("ingest.moved")
    if unclaimed and not young:
        UNCLAIMED.inc()
    return ingested.hints


def _count_again(database: Database, webhook_id: str) -> bool:
    """Count a reading that is not the first before it is made; False: there were too many.

    The first is not counted, so that nearly all deliveries cost no commit for it.
    """
    with database.begin() as session:
        again = (
            update(Delivery)
            .where(
                Delivery.webhook_id == webhook_id,
                Delivery.processed_at.is_(None),
                Delivery.received_at < func.now() - LOOK_AGAIN,
            )
            .values(tries=Delivery.tries + 1)
            .returning(Delivery.tries)
        )
        tries = session.scalar(again) or 0
        if tries <= MOST_CRASHES:
            return True
        session.execute(
            update(Delivery)
            .where(Delivery.webhook_id == webhook_id)
            .values(processed_at=func.now(), result="poison")
        )
        error = WorkerLost(f"{tries - 1} workers died of this delivery, one after the other")
        bury(session, INGEST_PREDICTION, {"delivery_id": webhook_id}, error, attempts=tries)
    alarm("poison", task=INGEST_PREDICTION, delivery_id=webhook_id)
    return False
