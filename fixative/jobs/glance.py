"""A glance at jobs: for little, whose each is, how it stands, and whether it looks otherwise."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from fixative.errors import NotFound
from fixative.jobs.states import is_terminal
from fixative.jobs.store import check_shown
from fixative.postgres.engine import Database
from fixative.postgres.prepared import Prepared

# `xmin` is another after every change of a row, and after nothing else; the time tells apart what
# a database did twice, once before it was restored.
_GLANCE = text("""
    SELECT jobs.id, jobs.owner_id, jobs.status, jobs.deleted_at IS NOT NULL AS deleted,
        coalesce((SELECT max(id) FROM transitions WHERE job_id = jobs.id), 0) AS number,
        md5(format('%s %s %s/%s/%s/%s', jobs.xmin, jobs.updated_at, owners.xmin, attempts.xmin,
            (SELECT string_agg(xmin::text, ',' ORDER BY id) FROM media WHERE job_id = jobs.id),
            (SELECT string_agg(xmin::text, ',' ORDER BY id) FROM dead_letters
                WHERE job_id = jobs.id))) AS digest
    FROM jobs JOIN owners ON owners.id = jobs.owner_id
        LEFT JOIN attempts ON attempts.id = jobs.attempt_id
    WHERE jobs.id = ANY(:job_ids)
""")
GLANCE = Prepared[Any](_GLANCE)


@dataclass(frozen=True)
class Glance:
    """What is seen of a job: while `digest` is the same, so is all that is shown of it."""

    job_id: uuid.UUID
    owner_id: uuid.UUID
    status: str
    deleted: bool
    number: int  # of its newest move
    digest: str

    @property
    def ended(self) -> bool:
        """Whether the job has ended."""
        return is_terminal(self.status)


def glance(database: Database, job_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Glance]:
    """What is seen of each job now; of unknown ids nothing."""
    seen = (Glance(*row) for row in database.alone(GLANCE, job_ids=list(job_ids)))
    return {each.job_id: each for each in seen}


def glance_at(database: Database, job_id: uuid.UUID, *, owner_id: uuid.UUID | None) -> Glance:
    """What is seen of a job by whom it may be shown to. Raises NotFound or Gone as `find_job`."""
    seen = glance(database, [job_id]).get(job_id)
    if seen is None:
        raise NotFound(f"no job {job_id}")
    check_shown(job_id, seen.owner_id, deleted=seen.deleted, to=owner_id)
    return seen
