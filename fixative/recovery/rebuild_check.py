"""The end of a rebuild: whether the bucket holds what the rows now say, and the other way round."""

import re
import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fixative.media.audit import audit
from fixative.media.bucket import Bucket
from fixative.media.keys import UUID, Keys
from fixative.media.manifest import NAME
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import File
from fixative.postgres.tables import TERMINAL_STATUSES, Job
from fixative.recovery.rebuild_many import PAGE, pages
from fixative.recovery.rebuild_report import Report
from fixative.recovery.restore import keep_owners

AN_INPUT = re.compile(rf"inputs/({UUID})/\d{{4}}/\d\d/\d\d/({UUID})/([^/]+)")
OF_UPLOADS = 7  # the version of their ids; those of files out of a job's input are made from it


def check(alone: Database, bucket: Bucket, keys: Keys, report: Report) -> None:
    """Report what the rows lack in the bucket, and the bucket in the rows; mend what can be.

    A manifest or a tombstone that is missing is to be written again. Uploads that no job knows get
    their row again. What a purge had left of a deleted job goes. `alone` has one connection.
    Raises BucketError or DatabaseAway.
    """
    report.say("comparing objects and rows")
    found = audit(alone, bucket, keys)
    for key in found.wrong_size:
        report.problem("media: of another size", key, "its object has not the recorded length")
    for page in pages(found.missing, PAGE):
        _missing(alone, keys, page, report)
    orphans = defaultdict[uuid.UUID | None, list[str]](list)
    for key in found.orphans:
        orphans[keys.job_of(key)].append(key)
    _bring_back_uploads(alone, bucket, keys, orphans.pop(None, []), report)
    for of_jobs in pages(orphans.items(), PAGE):
        _unknown(alone, bucket, {id_: found for id_, found in of_jobs if id_ is not None}, report)
    unfinished = select(func.count()).where(Job.status.not_in(TERMINAL_STATUSES))
    with alone.begin() as session:
        report.unfinished = session.scalars(unfinished.select_from(Job)).one()


def _missing(database: Database, keys: Keys, missing: Iterable[str], report: Report) -> None:
    unrecorded, unburied = list[uuid.UUID | None](), list[uuid.UUID]()
    for key in missing:
        if key.endswith(f"/{NAME}"):
            unrecorded.append(keys.job_of(key))
        elif key.startswith(keys.tombstones):
            unburied.append(uuid.UUID(key.removeprefix(keys.tombstones).removesuffix(".json")))
        else:
            report.problem("media: missing", key, "no object lies there")
    now = func.now()
    with database.begin() as session:
        session.execute(update(Job).where(Job.id.in_(unrecorded)).values(record_due_at=now))
        session.execute(update(Job).where(Job.id.in_(unburied)).values(purge_due_at=now))


def _unknown(
    database: Database, bucket: Bucket, objects: dict[uuid.UUID, list[str]], report: Report
) -> None:
    """Objects in jobs' folders that no row knows."""
    with database.begin() as session:
        rows = session.execute(select(Job.id, Job.deleted_at).where(Job.id.in_(objects)))
        known = {row.id: row.deleted_at for row in rows}
    for job_id, found in objects.items():
        if job_id not in known:
            why = f"{len(found)} objects, and nothing that tells of it: {found[0]}"
            report.problem("jobs: unknown", str(job_id), why)
        elif known[job_id] is not None:
            bucket.delete(found)
        else:
            for key in found:
                report.problem("media: unknown", key, "its job does not know of it")


def _bring_back_uploads(
    database: Database, bucket: Bucket, keys: Keys, orphans: Iterable[str], report: Report
) -> None:
    for key in orphans:
        told = AN_INPUT.fullmatch(key.removeprefix(keys.root))
        stored = bucket.head(key) if told else None
        if told is None or stored is None or uuid.UUID(told[2]).version != OF_UPLOADS:
            report.problem("objects: unknown", key, "no row knows of it")
            continue
        row = {
            "id": uuid.UUID(told[2]),
            "owner_id": uuid.UUID(told[1]),
            "name": told[3],
            "key": key,
            "content_type": stored.content_type,
            "bytes": stored.bytes,
        }
        with database.begin() as session:
            _have_file(session, row)
        report.brought_back["uploads"] += 1


def _have_file(session: Session, row: dict[str, object]) -> None:
    file_id, owner_id = row["id"], row["owner_id"]
    assert isinstance(file_id, uuid.UUID)  # noqa: S101
    assert isinstance(owner_id, uuid.UUID)  # noqa: S101
    keep_owners(session, [owner_id])
    uploaded_at = datetime.fromtimestamp((file_id.int >> 80) / 1000, UTC)
    times = {"created_at": uploaded_at, "stored_at": uploaded_at}
    session.execute(insert(File).values(**row, **times).on_conflict_do_nothing())
