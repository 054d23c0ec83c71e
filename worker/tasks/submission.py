"""Submission: predictions created and cancelled."""

from uuid import UUID

from fixative import names
from fixative.jobs.cancel import cancel_prediction as cancel
from fixative.names import Hint
from worker.app import app


@app.task(name=names.CREATE_PREDICTION)
def create_prediction(job_id: str) -> list[Hint]:
    """Create the job's prediction, if that is what it needs."""
    return app.services().submitter.submit(UUID(job_id))


@app.task(name=names.CANCEL_PREDICTION)
def cancel_prediction(job_id: str) -> list[Hint]:
    """Ask Replicate for the end of the job's prediction."""
    return cancel(app.services().database, app.services().replicate, UUID(job_id))
