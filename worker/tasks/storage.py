"""Storage: outputs made permanent."""

from uuid import UUID

from fixative import names
from fixative.names import Hint
from worker.app import app


@app.task(name=names.STORE_OUTPUTS)
def store_outputs(job_id: str) -> list[Hint]:
    """Store what the job's prediction returned, if that is what it needs."""
    return app.services().storer.store(UUID(job_id))
