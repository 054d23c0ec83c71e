"""Records as a rebuild reads them: wherever the recorder wrote them, loose or in archives."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import and_, func, update
from sqlalchemy.orm import Session

from fixative.errors import Corrupt, FixativeError, NotFound, RecordRefused, RecordsAway
from fixative.postgres.engine import Database
from fixative.postgres.tables import Job
from fixative.recovery.rebuild_job import DONE, ENDED, bring_back_job
from fixative.recovery.rebuild_many import Written, bring_back
from fixative.recovery.rebuild_report import Report
from fixative.recovery.record_store import S3, bucket_folder
from fixative.recovery.records import DAILY
from fixative.recovery.replay_find import Chosen, Entry, in_bucket, in_directory
from fixative.recovery.replay_gate import Gate
from fixative.settings import Settings

RECORDS = "records"
PROCESSED = Chosen(passed_over=("accepted", "predictions"))
ACCEPTED = Chosen(passed_over=("processed", "predictions"))


def from_records(settings: Settings, database: Database, report: Report) -> None:
    """Every job that the records in OUTPUT_DIR tell of, also one that had only been accepted.

    What has no manifest in it is reported: it is for `fixative replay`. Raises RecordsAway or
    DatabaseAway.
    """
    broken = dict[str, str]()  # by name: a folder or an archive is met by both passes
    found = False

    def written(chosen: Chosen) -> Iterator[Written]:
        nonlocal found
        for entry in _entries(settings, chosen):
            found = True
            try:
                job_id = uuid.UUID(entry.stem)
            except ValueError:
                broken[entry.name] = _why_not(entry)
            else:
                yield Written(job_id, entry.name, entry.load, entry.held)

    # An end before an acceptance: of a job that has one it tells all.
    kept = Job.deleted_at.is_(None)
    bring_back(database, report, RECORDS, written(PROCESSED), _bring, done=and_(DONE, kept))
    bring_back(database, report, RECORDS, written(ACCEPTED), _bring, done=kept)
    for name, why in broken.items():
        report.problem(f"{RECORDS}: unreadable", name, why)
    if not found:
        report.not_asked[RECORDS] = f"{settings.output_dir} holds no records"


def _entries(settings: Settings, chosen: Chosen) -> Iterator[Entry]:
    place = settings.output_dir
    if place.startswith(S3):
        folder = bucket_folder(place, settings)
        try:
            yield from in_bucket(folder, f"{DAILY}/", chosen)
        finally:
            folder.close()
        return
    days = Path(place) / DAILY
    try:
        yield from in_directory(days, Gate([str(days)]), chosen)
    except NotFound:
        return


def _why_not(entry: Entry) -> str:
    """Why an entry that is named after no job is none."""
    try:
        entry.load()
    except RecordsAway:
        raise
    except FixativeError as error:
        return str(error)
    return "its name is no job's id"


def _bring(session: Session, each: Written, record: Any) -> bool:
    if not isinstance(record, dict) or "fixative" not in record:
        raise Corrupt("no manifest in it: `fixative replay` may read it")
    job = session.get(Job, each.job_id)
    if job is not None and job.deleted_at is not None:
        raise RecordRefused("its job was deleted: this is left of it, and should go")
    if not bring_back_job(session, each.job_id, record["fixative"], RECORDS):
        return False
    # Its manifest is missing or cannot be read, or it would have told of the end before.
    behind = update(Job).where(Job.id == each.job_id, ENDED)
    session.execute(behind.values(record_due_at=func.now()))
    return True
