"""Alarms: what a person should know of, once when it begins; a log line and a counter."""

from typing import Any

import structlog

from fixative.telemetry.metrics import ALARMS

log = structlog.get_logger(__name__)


def alarm(what: str, **details: Any) -> None:
    """Say it: an error in the log, and `fixative_alarms_total{alarm=what}`."""
    ALARMS.labels(what).inc()
    log.error(what, alarm=True, **details)
