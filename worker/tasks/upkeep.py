"""Upkeep: what the system does for itself."""

import time
from typing import Any

import structlog

from fixative import names
from fixative.errors import DatabaseAway
from fixative.postgres.presence import canary_heard
from fixative.recovery.export_access import export_access as copy_access
from fixative.recovery.history_prune import prune_runs
from worker.app import app

PURGE_AT_MOST_SECONDS = 45.0  # beat sends the next after a minute

log = structlog.get_logger(__name__)


@app.task(name=names.PURGE_EXPIRED)
def purge_expired() -> None:
    """Remove what was deleted, or has had its time. Not a tick: whoever deletes hints it."""
    prune_runs(app.services().database)
    until = time.monotonic() + PURGE_AT_MOST_SECONDS
    while app.services().purger.purge():
        if app.services().stopping.is_set() or time.monotonic() > until:
            return


@app.task(name=names.EXPORT_ACCESS)
def export_access() -> None:
    """Copy owners and keys to the bucket, if they have changed. Not a tick: twice is no harm."""
    services = app.services()
    copy_access(services.database, services.bucket, services.keys)


@app.task(name=names.CANARY, bind=True)
def canary(self: Any, worker: str) -> None:
    """Tell that `worker` hears its queue. One sent by hand to whomever goes on to that worker."""
    services = app.services()
    if self.request.hostname != worker:
        services.publisher.send_canary(worker)
        return
    try:
        with services.database.begin() as session:
            canary_heard(session, worker)
    except DatabaseAway as error:
        log.warning("canary_not_noted", error=str(error))
