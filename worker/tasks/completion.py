"""Completion: what Replicate told, read into the job."""

from fixative import names
from fixative.errors import InvalidRequest
from fixative.jobs.deliveries import read_delivery
from fixative.names import Hint
from fixative.recovery.poll import ask_about
from worker.app import app


@app.task(name=names.INGEST_PREDICTION)
def ingest_prediction(
    delivery_id: str | None = None, prediction_id: str | None = None
) -> list[Hint]:
    """Read a delivery; or, by hand, ask Replicate about one prediction."""
    if delivery_id is not None:
        return read_delivery(app.services().database, delivery_id)
    if prediction_id is not None:
        return ask_about(app.services().database, app.services().replicate, prediction_id)
    raise InvalidRequest("delivery_id", "one of delivery_id and prediction_id is needed")
