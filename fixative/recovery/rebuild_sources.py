"""Where jobs are rebuilt from, in the order of trust; what an earlier source told stays."""

import json
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import delete, true
from sqlalchemy.orm import Session

from fixative.errors import Corrupt
from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.media.manifest import NAME
from fixative.postgres.engine import Database
from fixative.postgres.tables import TERMINAL_STATUSES, Job
from fixative.recovery.history import History
from fixative.recovery.history_runs import Walk, get_run
from fixative.recovery.rebuild_many import Written, bring_back
from fixative.recovery.rebuild_report import Report
from fixative.recovery.recover import make_unclear
from fixative.recovery.restore import restore

Source = Callable[[Database, Report], None]

BUCKET, RECORDS, REPLICATE = ORDER = ("bucket", "records", "replicate")
ENDED = Job.completed_at.is_not(None)
RECORDED = (("processed", ENDED), ("accepted", true()))  # what tells more comes first


def from_bucket(bucket: Bucket, keys: Keys, database: Database, report: Report) -> None:
    """Every ended job, from the manifest beside its media. Raises BucketError or DatabaseAway."""

    def written() -> Iterator[Written]:
        for folder in keys.folders:
            for found in bucket.listing(folder):
                job_id = keys.job_of(found.key)
                if job_id is not None and found.key.endswith(f"/{job_id}/{NAME}"):
                    yield Written(job_id, found.key, partial(bucket.read, found.key))

    def bring(session: Session, each: Written, content: bytes) -> bool:
        return _restore(session, each, _json(content), BUCKET)

    bring_back(database, report, BUCKET, written(), bring, done=ENDED)


def from_records(directory: Path, database: Database, report: Report) -> None:
    """Every job that the records of a directory tell of, also one that had only been accepted.

    What has no manifest in it is reported: it is for `fixative replay`. Raises DatabaseAway.
    """
    daily = directory / "daily"
    if not daily.is_dir():
        report.not_asked[RECORDS] = f"{directory} holds no records"
        return

    def written(kind: str) -> Iterator[Written]:
        for day in sorted(daily.iterdir(), reverse=True):
            for path in sorted(day.glob(f"{kind}/*.json")):
                try:
                    yield Written(uuid.UUID(path.stem), str(path), path.read_bytes)
                except ValueError:
                    report.problem(f"{RECORDS}: unreadable", str(path), "its name is no job's id")

    def bring(session: Session, each: Written, content: bytes) -> bool:
        record = _json(content)
        if not isinstance(record, dict) or "fixative" not in record:
            raise Corrupt("no manifest in it: `fixative replay` may read it")
        return _restore(session, each, record["fixative"], RECORDS)

    for kind, done in RECORDED:
        bring_back(database, report, RECORDS, written(kind), bring, done=done)


def from_replicate(history: History, database: Database, report: Report) -> None:
    """What Replicate's history knows and nobody else told. Raises DatabaseAway.

    A prediction of a job that has not ended must not be taken for a stranger's: so these are made
    unclear first, as `recover` does, and what may be theirs is set aside for it.
    """
    with database.begin() as session:
        make_unclear(session)
    report.say("replicate: reading the history")
    run_id = history.sync(Walk(bootstrap=True))
    with database.begin() as session:
        run = get_run(session, run_id)
    report.brought_back[REPLICATE] += run.jobs_created
    if run.status != "complete":
        why = f"{run.status}: {run.error or 'another process reads it'}"
        report.problem(f"{REPLICATE}: not read to its end", "history", why)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise Corrupt(f"not JSON: {error}") from error


def _restore(session: Session, each: Written, manifest: Any, source: str) -> bool:
    """Restore the job; one that had not ended, as in an older backup, gives way to its end."""
    job = manifest.get("job") if isinstance(manifest, dict) else None
    if not isinstance(job, dict) or job.get("id") != str(each.job_id):
        raise Corrupt("it tells of no job, or of another one")
    if job.get("status") in TERMINAL_STATUSES:
        session.execute(delete(Job).where(Job.id == each.job_id, ~ENDED))
    return restore(session, manifest, source=source)
