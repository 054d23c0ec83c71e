"""A job's version: what tells, for little, whether the job looks otherwise than it did."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import BigInteger, Boolean, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import Session

from fixative.errors import NotFound
from fixative.jobs.states import is_terminal
from fixative.jobs.store import check_shown

# `xmin` is another after every change of a row, and after nothing else; the time tells apart what
# a database did twice, once before it was restored.
VERSIONS = text("""
    SELECT jobs.id, jobs.owner_id, jobs.status, jobs.deleted_at IS NOT NULL AS deleted,
        coalesce((SELECT max(id) FROM transitions WHERE job_id = jobs.id), 0) AS number,
        md5(format('%s %s %s/%s/%s/%s', jobs.xmin, jobs.updated_at, owners.xmin, attempts.xmin,
            (SELECT string_agg(xmin::text, ',' ORDER BY id) FROM media WHERE job_id = jobs.id),
            (SELECT string_agg(xmin::text, ',' ORDER BY id) FROM dead_letters
                WHERE job_id = jobs.id))) AS rows
    FROM jobs JOIN owners ON owners.id = jobs.owner_id
        LEFT JOIN attempts ON attempts.id = jobs.attempt_id
    WHERE jobs.id = ANY(:job_ids)
""")
STATEMENT = VERSIONS.bindparams(bindparam("job_ids", type_=ARRAY(UUID))).columns(
    id=UUID, owner_id=UUID, status=Text, deleted=Boolean, number=BigInteger, rows=Text
)


@dataclass(frozen=True)
class Version:
    """A job as it is: while `rows` is the same, so is all that is shown of it."""

    job_id: uuid.UUID
    owner_id: uuid.UUID
    status: str
    deleted: bool
    number: int  # of its newest move
    rows: str

    @property
    def ended(self) -> bool:
        """Whether the job has ended."""
        return is_terminal(self.status)


def versions_of(session: Session, job_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Version]:
    """Each job's version now; of unknown ids none."""
    found = session.execute(STATEMENT, {"job_ids": list(job_ids)})
    return {row.id: Version(*row) for row in found}


def find_version(session: Session, job_id: uuid.UUID, *, owner_id: uuid.UUID | None) -> Version:
    """The job's version, to whom the job may be shown. Raises NotFound or Gone as `find_job`."""
    version = versions_of(session, [job_id]).get(job_id)
    if version is None:
        raise NotFound(f"no job {job_id}")
    check_shown(job_id, version.owner_id, deleted=version.deleted, to=owner_id)
    return version
