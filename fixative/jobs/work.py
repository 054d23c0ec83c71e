"""Work on a job: what is logged meanwhile is about it, and its trace has a span of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from structlog.contextvars import bound_contextvars

from fixative.jobs.counted import name_of_model
from fixative.postgres.tables import Attempt, Job
from fixative.telemetry.tracing import span


@contextmanager
def work_on(name: str, job: Job, attempt: Attempt | None = None, **more: Any) -> Iterator[None]:
    """Whatever is done in the block, called `name`, is done for this job, and this attempt."""
    of_job = {
        "owner_id": str(job.owner_id),
        "job_type": job.job_type,
        "model": name_of_model(job),
    }
    of_attempt = (
        {}
        if attempt is None
        else {"attempt": attempt.number, "prediction_id": attempt.prediction_id}
    )
    about = {k: v for k, v in (of_job | of_attempt | more).items() if v is not None}
    with bound_contextvars(job_id=str(job.id), **about), span(name, job.id, **about):
        yield
