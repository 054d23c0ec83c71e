"""Reconciliation: the ticks of beat, by which rows get on when messages or webhooks do not."""

import time
from contextlib import AbstractContextManager
from datetime import timedelta

from beat_schedule import PERIODS
from fixative import names
from fixative.errors import BrokerAway
from fixative.jobs.admit import admit as admit_first
from fixative.jobs.adopt import adopt_unknown as adopt
from fixative.names import Hint
from fixative.notify.notifications import find_untold
from fixative.postgres.ticks import tick
from fixative.recovery.poll import poll_predictions as poll
from fixative.recovery.sweep import sweep as find_due
from worker.app import app
from worker.presence import send_canaries

ADMIT_STEP_SECONDS = 0.25
ADMIT_AT_MOST_SECONDS = 5.0  # well within the tick's lease
# Leases of ticks: one that was killed is missed for so long.
QUICK = timedelta(seconds=15)
SLOW = timedelta(seconds=60)


@app.task(name=names.ADMIT)
def admit() -> None:
    """Admit waiting jobs at Replicate's pace, for as long as some wait."""
    services = app.services()
    until = time.monotonic() + ADMIT_AT_MOST_SECONDS
    with _tick(names.ADMIT, QUICK) as taken:
        others_wait = taken
        while others_wait and time.monotonic() < until:
            hints, others_wait = admit_first(services.database, services.creates)
            services.publisher.publish(hints)
            if services.stopping.wait(ADMIT_STEP_SECONDS if others_wait else 0):
                return


@app.task(name=names.SWEEP)
def sweep() -> list[Hint]:
    """Hint again what is due; and see to it that every worker is spoken to."""
    try:
        lengths = app.services().publisher.queue_lengths()
    except BrokerAway:
        return []  # no broker, so nobody to hint
    with _tick(names.SWEEP, QUICK) as taken:
        if not taken:
            return []
        send_canaries(app.services())
        return [
            *find_due(app.services().database, lengths),
            *find_untold(app.services().database, lengths),
        ]


@app.task(name=names.POLL_PREDICTIONS)
def poll_predictions() -> list[Hint]:
    """Ask Replicate about what is in flight."""
    with _tick(names.POLL_PREDICTIONS, SLOW) as taken:
        return poll(app.services().database, app.services().replicate) if taken else []


@app.task(name=names.ADOPT_UNKNOWN)
def adopt_unknown() -> list[Hint]:
    """Settle the creates whose end nobody saw."""
    with _tick(names.ADOPT_UNKNOWN, SLOW) as taken:
        return adopt(app.services().database, app.services().replicate) if taken else []


def _tick(name: str, lease: timedelta) -> AbstractContextManager[bool]:
    return tick(app.services().database, name, timedelta(seconds=PERIODS[name]), lease=lease)
