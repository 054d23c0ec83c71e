"""Whether a job may look otherwise than before, for whoever waits: asked of many jobs at once."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import Session

from fixative.jobs.states import is_terminal

# `xmin` is another after every change of a row, and after nothing else.
VERSIONS = text("""
    SELECT jobs.id, jobs.status, concat_ws(' ', jobs.xmin, attempts.xmin)
    FROM jobs LEFT JOIN attempts ON attempts.id = jobs.attempt_id
    WHERE jobs.id = ANY(:job_ids)
""").bindparams(bindparam("job_ids", type_=ARRAY(UUID)))


@dataclass(frozen=True)
class Version:
    """A job's rows as they were: where another is unlike it, the job may look otherwise."""

    status: str
    rows: str

    @property
    def ended(self) -> bool:
        """Whether the job had ended."""
        return is_terminal(self.status)


def versions_of(session: Session, job_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Version]:
    """Each job's version now; of unknown ids none."""
    found = session.execute(
        VERSIONS.columns(id=UUID, status=Text, rows=Text), {"job_ids": list(job_ids)}
    )
    return {job_id: Version(status, rows) for job_id, status, rows in found}
