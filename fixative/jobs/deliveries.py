"""Deliveries: webhooks written down before they are answered, and read at once if nothing hinders.

What is not read then is read by a worker: the row is there, and due.
"""

import uuid
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import (
    Boolean,
    Interval,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSON, insert
from sqlalchemy.orm import Session

from fixative.errors import WorkerLost
from fixative.jobs.dead_letters import bury
from fixative.jobs.ingest import ingest
from fixative.names import INGEST_PREDICTION, Hint
from fixative.postgres.engine import Database, once_committed
from fixative.postgres.leases import MOST_CRASHES
from fixative.postgres.prepared import Prepared
from fixative.postgres.tables import Delivery
from fixative.replicate.prediction import Prediction, read_prediction, remnant
from fixative.steps import step
from fixative.telemetry.alarms import alarm
from fixative.telemetry.metrics import UNCLAIMED

LOOK_AGAIN = timedelta(seconds=10)
# So long a prediction that nobody knows waits for its job: an unclear create is settled, or needs a
# person, well before.
YOUNG = timedelta(minutes=20)
_told = ("webhook_id", "prediction_id", "prediction_status", "job_id", "prediction")
KEEP = Prepared[Any](
    insert(Delivery)
    .values(
        # The hint, if it takes one, comes first, the sweep after it.
        next_attempt_at=func.now() + LOOK_AGAIN,
        **{name: bindparam(name) for name in _told},
    )
    .on_conflict_do_nothing()
    # Replicate waits for the answer: whose row is locked for longer is left to a worker.
    .returning(func.set_config("lock_timeout", "250ms", True))
)
A_QUARTER = literal_column("(now() - received_at) / 4", Interval)  # of its age
IS_UNCLAIMED = bindparam("unclaimed", type_=Boolean)
IS_YOUNG = Delivery.received_at > func.now() - YOUNG
READ = Prepared[Any](
    update(Delivery)
    .where(Delivery.webhook_id == bindparam("read"))
    .values(
        processed_at=case((and_(IS_UNCLAIMED, IS_YOUNG), None), else_=func.now()),
        # Looked at less and less often; it came back from this reading, so from all.
        next_attempt_at=func.now() + func.greatest(LOOK_AGAIN, A_QUARTER),
        tries=0,
        result=bindparam("its_result"),
        prediction=func.coalesce(
            bindparam("kept", type_=JSON(none_as_null=True)), Delivery.prediction
        ),
    )
    .returning(Delivery.processed_at.is_not(None).label("is_over"))
)

log = structlog.get_logger(__name__)


def receive(
    session: Session, webhook_id: str, prediction: Prediction, job_id: uuid.UUID | None
) -> list[Hint]:
    """Keep a verified webhook; the same webhook-id again, or the same news, is the same delivery.

    `job_id` is what the URL said: shown in a timeline, trusted for nothing.
    """
    is_new = _keep(session, webhook_id, prediction, job_id)
    return [Hint(INGEST_PREDICTION, {"delivery_id": webhook_id})] if is_new else []


def receive_and_read(
    database: Database, webhook_id: str, prediction: Prediction, job_id: uuid.UUID | None
) -> list[Hint]:
    """Keep a verified webhook, and ingest it with the same commit; the hints that follow.

    What cannot be read at once, since a row is locked or for any other reason, is kept all the same
    and left to a worker. Raises DatabaseAway when it could not be kept.
    """
    try:
        with database.begin() as session:
            if not _keep(session, webhook_id, prediction, job_id):
                return []
            step("ingest.read")
            hints = _read(session, webhook_id, prediction)
    except Exception as error:  # noqa: BLE001 - whatever it is, the webhook is not to be lost by it
        log.warning("webhook_not_read_at_once", error=f"{type(error).__name__}: {error}")
    else:
        step("ingest.moved")
        return hints
    with database.begin() as session:
        return receive(session, webhook_id, prediction, job_id)


def _keep(
    session: Session, webhook_id: str, prediction: Prediction, job_id: uuid.UUID | None
) -> bool:
    """Write it down; whether it is news."""
    told = {
        "webhook_id": webhook_id,
        "prediction_id": prediction.id,
        "prediction_status": prediction.status,
        "job_id": job_id,
        "prediction": prediction.raw,
    }
    return KEEP.first(session, **told) is not None


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
        prediction = read_prediction(delivery.prediction)
        hints = _read(session, webhook_id, prediction)
    step("ingest.moved")
    return hints


def _read(session: Session, webhook_id: str, prediction: Prediction) -> list[Hint]:
    """Ingest what a delivery tells, and write down what came of it; the hints that follow."""
    ingested = ingest(session, prediction, cause="webhook")
    deleted = ingested.job is not None and ingested.job.deleted_at is not None
    unclaimed = ingested.result in {"set_aside", "stranger"}
    told = {
        "read": webhook_id,
        "its_result": ingested.result,
        "unclaimed": unclaimed,
        "kept": remnant(prediction.raw) if deleted else None,
    }
    read = READ.first(session, **told)
    if unclaimed and read and read.is_over:  # given up
        once_committed(session, UNCLAIMED.inc)
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
