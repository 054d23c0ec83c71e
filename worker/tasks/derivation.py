"""Derivation: thumbnails and measures, in processes that a bad file may kill."""

from uuid import UUID

from fixative import names
from fixative.names import Hint
from worker.app import app


@app.task(name=names.DERIVE_MEDIA)
def derive_media(job_id: str) -> list[Hint]:
    """Derive what the job's originals allow, if that is due."""
    return app.services().deriver.derive(UUID(job_id))
