"""The first and the last source of a rebuild: manifests in the bucket, Replicate's history."""

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from fixative.errors import Corrupt
from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.media.manifest import NAME
from fixative.postgres.engine import Database
from fixative.postgres.sync_tables import SyncRun
from fixative.recovery.history import History
from fixative.recovery.history_runs import LEASE, Walk, get_run
from fixative.recovery.rebuild_job import DONE, bring_back_job
from fixative.recovery.rebuild_many import Written, bring_back
from fixative.recovery.rebuild_report import Report
from fixative.recovery.recover import make_unclear
from fixative.recovery.replay_json import no_constant

BUCKET, REPLICATE = "bucket", "replicate"
LOOK_AGAIN_SECONDS = 0.5
LOOKS = int(2 * LEASE / timedelta(seconds=LOOK_AGAIN_SECONDS))


def from_bucket(bucket: Bucket, keys: Keys, database: Database, report: Report) -> None:
    """Every ended job, from the manifest beside its media. Raises BucketError or DatabaseAway."""

    def written() -> Iterator[Written]:
        for folder in keys.folders:
            for found in bucket.listing(folder):
                job_id = keys.job_of(found.key)
                if job_id is not None and found.key.endswith(f"/{job_id}/{NAME}"):
                    yield Written(job_id, found.key, partial(_manifest, bucket, found.key))

    def bring(session: Session, each: Written, manifest: Any) -> bool:
        return bring_back_job(session, each.job_id, manifest, BUCKET)

    bring_back(database, report, BUCKET, written(), bring, done=DONE)


def from_replicate(history: History, database: Database, report: Report) -> None:
    """What Replicate's history knows and nobody else told. Raises DatabaseAway.

    A prediction of a job that has not ended must not be taken for a stranger's: so these are made
    unclear first, as `recover` does, and what may be theirs is set aside for it.
    """
    make_unclear(database)
    report.say("replicate: reading the history")
    run = _read(history, database)
    report.brought_back[REPLICATE] += run.jobs_created
    if run.status != "complete":
        why = f"{run.status}: {run.error or 'another process reads it'}"
        report.problem(f"{REPLICATE}: not read to its end", "history", why)


def _read(history: History, database: Database) -> SyncRun:
    """Read all of it; one that was killed is gone on with as soon as its lease has run out."""
    run_id = history.sync(Walk(bootstrap=True))
    for _ in range(LOOKS):
        with database.begin() as session:
            run = get_run(session, run_id)
        if run.status != "running" or history.stopping.wait(LOOK_AGAIN_SECONDS):
            break
        history.go_on(run_id)
    return run


def _manifest(bucket: Bucket, key: str) -> Any:
    """The JSON in it, as loosely as it was written: a model's output may have any depth."""
    try:
        return json.loads(bucket.read(key), parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"not JSON: {error}") from error
