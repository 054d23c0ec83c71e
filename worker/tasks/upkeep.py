"""Upkeep: what the system does for itself."""

import time
from datetime import timedelta
from typing import Any

import structlog

from beat_schedule import CHECK_MODELS_SECONDS
from fixative import names
from fixative.catalog import drift
from fixative.errors import DatabaseAway
from fixative.postgres.presence import canary_heard
from fixative.postgres.ticks import tick
from fixative.recovery.export_access import export_access as copy_access
from fixative.recovery.export_money import export_money as copy_money
from fixative.recovery.history_prune import prune_runs
from worker.app import app

PURGE_AT_MOST_SECONDS = 45.0  # beat sends the next after a minute
CHECK_LEASE = timedelta(minutes=10)

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


@app.task(name=names.EXPORT_MONEY)
def export_money() -> None:
    """Copy budgets and the ledger to the bucket, if they have changed. Twice is no harm."""
    services = app.services()
    copy_money(services.database, services.bucket, services.keys)


@app.task(name=names.CHECK_MODELS)
def check_models() -> None:
    """See once a day whether the registry's models are still as they were."""
    services, every = app.services(), timedelta(seconds=CHECK_MODELS_SECONDS)
    with tick(services.database, names.CHECK_MODELS, every, lease=CHECK_LEASE) as taken:
        if taken:
            drift.check_models(services.database, services.catalog)


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
