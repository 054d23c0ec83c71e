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
    names.EXPORT_MONEY: 600.0,
    names.RECORD_ACCEPTED: 2.0,
    names.WRITE_SUMMARY: 3600.0,
}
SYNC_PERIODS = {"new": 600.0, "full": 86_400.0}  # new history, and all of it
CHECK_MODELS_SECONDS = 86_400.0
ASK_SECONDS = 600.0  # a beat that was just started has not counted the day

SCHEDULE: dict[str, dict[str, Any]] = (
    {
        task: {
            "task": task,
            "schedule": period,
            # A tick that was not taken within its period is worth nothing: the next one is there.
            "options": {"expires": max(period, 1.0)},
        }
        for task, period in PERIODS.items()
    }
    | {
        f"{names.SYNC_HISTORY} {what}": {
            "task": names.SYNC_HISTORY,
            "kwargs": {"tick": what},
            "schedule": ASK_SECONDS,
            "options": {"expires": ASK_SECONDS},
        }
        for what in SYNC_PERIODS
    }
    | {
        names.CHECK_MODELS: {
            "task": names.CHECK_MODELS,
            "schedule": ASK_SECONDS,
            "options": {"expires": ASK_SECONDS},
        }
    }
)
