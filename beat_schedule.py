"""What beat sends, and how often. Any number of beats may run: each tick is claimed in Postgres."""

from typing import Any

from fixative import names
from fixative.settings import load_settings

_settings = load_settings()

PERIODS = {
    names.ADMIT: 1.0,
    names.SWEEP: _settings.fixative_sweep_seconds,
    names.ADOPT_UNKNOWN: 20.0,
    names.POLL_PREDICTIONS: _settings.fixative_poll_seconds,
    names.PURGE_EXPIRED: 60.0,
    names.EXPORT_ACCESS: 60.0,
}

SCHEDULE: dict[str, dict[str, Any]] = {
    task: {
        "task": task,
        "schedule": period,
        # A tick that was not taken within its period is worth nothing: the next one is there.
        "options": {"expires": max(period, 1.0)},
    }
    for task, period in PERIODS.items()
}
