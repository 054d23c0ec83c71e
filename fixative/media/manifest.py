"""The manifest: `metadata.json` beside a job's media, from which its rows can be made again."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import bindparam, case, func, inspect, null, select, update
from sqlalchemy.orm import Session

from fixative.errors import BucketError, LostLease, RecordsAway
from fixative.jobs.delete import written_too_late
from fixative.jobs.work import work_on
from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.media.reader import HashingReader
from fixative.postgres.base import Table
from fixative.postgres.engine import Database
from fixative.postgres.leases import LeaseKeeper, let_go, take, taking
from fixative.postgres.media_tables import File, Media
from fixative.postgres.notes import Note, note
from fixative.postgres.prepared import Prepared
from fixative.postgres.tables import Attempt, Job, Transition

FORMAT = 1
NAME = "metadata.json"
LONGEST_SECONDS = 300
RETRY_AFTER = timedelta(minutes=1)
OF_THE_MOMENT = frozenset(  # what a row needs while it is worked on, and says nothing afterwards
    (
        *("fair_at", "next_attempt_at", "waiting_reason", "tries", "crashes", "hinted_at"),
        *("lease_token", "lease_until", "expires_at", "large", "retried_after"),
        *("derive_due_at", "acceptance_recorded_at", "record_due_at"),
        *("purge_due_at", "deleted_at", "stream"),
    )
)


def _rows_of(mapped: type[Table]) -> Prepared[Any]:
    """All that is told of a job's rows of one kind."""
    columns = mapped.__table__.c
    told = [column for column in columns if column.name not in OF_THE_MOMENT]
    return Prepared(select(*told).where(columns.job_id == bindparam("of_job")))


PARTS: dict[str, type[Table]] = {
    "attempts": Attempt,
    "media": Media,
    "files": File,
    "transitions": Transition,
    "notes": Note,
}
ROWS = {part: _rows_of(mapped) for part, mapped in PARTS.items()}
DUE = taking(Job.record_due_at <= func.now(), Job.deleted_at.is_(None))
# Due again is what has changed meanwhile.
RECORDED = Prepared[Any](
    update(Job)
    .where(Job.id == bindparam("taken"), Job.lease_token == bindparam("token"))
    .values(
        lease_until=None,
        crashes=0,
        record_due_at=case(
            (Job.record_due_at == bindparam("was_due_at"), null()), else_=Job.record_due_at
        ),
    )
    .returning(Job.id)
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Recorder:
    """What writing manifests needs; `elsewhere` writes one down outside the bucket too."""

    database: Database
    bucket: Bucket
    keys: Keys
    leases: LeaseKeeper
    elsewhere: Callable[[dict[str, Any]], None]

    def record(self, job_id: uuid.UUID) -> None:
        """Write the manifest of an ended job, if what is written is behind; safe twice.

        Raises BucketError or RecordsAway; the row stays due, a minute later.
        """
        with self.database.begin() as session:
            taken = take(session, job_id, DUE)
            if taken is None:
                return
            lease, job = taken
            manifest = manifest_of(session, job)
        written = as_json(manifest)
        with work_on("record", job), self.leases.keep(lease, at_most=LONGEST_SECONDS):
            try:
                lease.check()
                source = HashingReader(iter([written]))
                self.bucket.put(self.keys.key(job, NAME), source, "application/json")
                self.elsewhere(manifest)
            except LostLease:
                log.info("record_lost_its_lease", job_id=str(job_id))
                return
            except (BucketError, RecordsAway) as error:
                later = case((Job.record_due_at.is_not(None), func.now() + RETRY_AFTER))
                with self.database.begin() as session:
                    if let_go(session, lease, record_due_at=later):
                        note(session, job_id, "put_off", "record", detail=str(error))
                raise
            done = {"taken": job_id, "token": lease.token, "was_due_at": job.record_due_at}
            if not self.database.alone(RECORDED, **done):
                with self.database.begin() as session:
                    written_too_late(session, job_id)


def manifest_of(session: Session, job: Job) -> dict[str, Any]:
    """All that the database knows of a job, as JSON-plain rows but for ids, times and amounts."""
    return {
        "format": FORMAT,
        "job": row_of(job),
        **{
            part: [row._asdict() for row in rows.all(session, of_job=job.id)]
            for part, rows in ROWS.items()
        },
    }


def row_of(row: Table) -> dict[str, Any]:
    """A row by the names of its columns."""
    mapped = inspect(type(row)).column_attrs
    columns = {attribute.columns[0].name: attribute.key for attribute in mapped}
    return {name: getattr(row, key) for name, key in columns.items() if name not in OF_THE_MOMENT}


def as_json(value: Any) -> bytes:
    """A manifest, or what holds one, as one line of JSON in UTF-8.

    Half of a surrogate pair, which is no text, becomes a question mark.
    """
    return json.dumps(value, ensure_ascii=False, default=_plain).encode(errors="replace")


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, uuid.UUID | Decimal):
        return str(value)
    raise TypeError(f"a row holds a {type(value).__name__}")
