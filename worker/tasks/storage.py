"""Storage: outputs made permanent, and what is written of them beside the database."""

from uuid import UUID

from fixative import names
from fixative.names import Hint
from worker.app import app


@app.task(name=names.STORE_OUTPUTS)
def store_outputs(job_id: str) -> list[Hint]:
    """Store what the job's prediction returned, if that is what it needs."""
    return app.services().storer.store(UUID(job_id))


@app.task(name=names.RECORD_RESULT)
def record_result(job_id: str) -> None:
    """Write the manifest of an ended job, if what is written is behind."""
    app.services().recorder.record(UUID(job_id))
