"""Traces: one for each job, whose id is the job's own, so that any process adds spans to it.

No message has to carry anything: the trace's id is the job's UUID, and the id of its first span,
told by whoever ends the job, is computed from it. Nothing of OpenTelemetry is imported unless
OTEL_EXPORTER_OTLP_ENDPOINT names a collector.
"""

import os
import threading
import uuid
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from fixative.telemetry.spans import Spans

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
ON = any(os.environ.get(endpoint) for endpoint in ENDPOINTS)

log = structlog.get_logger(__name__)
_making = threading.Lock()


def span(name: str, job_id: uuid.UUID | None = None, **about: Any) -> AbstractContextManager[None]:
    """A span of the job's trace; without a job, of the trace that is under way, if one is."""
    spans = _spans() if ON else None
    return nullcontext() if spans is None else spans.span(name, job_id, about)


def tell(name: str, job_id: uuid.UUID, began: datetime, ended: datetime, **about: Any) -> None:
    """A span of the job's trace that is over."""
    if spans := _spans() if ON else None:
        spans.tell(name, job_id, began, ended, about)


def tell_job(job_id: uuid.UUID, began: datetime, ended: datetime, **about: Any) -> None:
    """The job's trace is over: its first span, under which all others are."""
    if spans := _spans() if ON else None:
        spans.tell_job(job_id, began, ended, about)


def close() -> None:
    """Send what is left; call it when the process ends."""
    if spans := _spans() if ON else None:
        spans.close()


def _spans() -> "Spans | None":
    with _making:
        return _made()


@cache
def _made() -> "Spans | None":
    try:
        from fixative.telemetry.spans import Spans
    except ModuleNotFoundError as error:
        log.warning("traces_not_installed", reason=f"{error}: pip install fixative[otel]")
        return None
    return Spans()
