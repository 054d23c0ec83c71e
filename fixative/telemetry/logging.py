"""Logs: one line an event, JSON for machines or coloured for eyes, on stderr."""

import logging
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor

from fixative.rotating import rotated, to_hide
from fixative.settings import Settings
from fixative.telemetry.secrecy import PRIVATE, Secrecy

# As services of this kind log, which those who search them are used to.
WIRE_NAMES = {
    "timestamp": "timestamp",
    "level": "level",
    "event": "action",
    "job_id": "jobId",
    "prediction_id": "predictionId",
    "attempt": "attempt",
    "owner_id": "userId",
    "job_type": "mediaType",
    "model": "modelId",
    "request_id": "requestId",
}


class ToStderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at that moment: a command's bar puts lines above itself."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the event."""
        self.setStream(sys.stderr)
        super().emit(record)


class Discreet(structlog.stdlib.ProcessorFormatter):
    """Formats an event, and hides what is secret in it."""

    secrets: frozenset[str] = frozenset()

    def format(self, record: logging.LogRecord) -> str:
        """The event's line."""
        secrecy = _secrecy_of(self.secrets, rotated())
        return secrecy.without(super().format(record))


@lru_cache(maxsize=2)
def _secrecy_of(secrets: frozenset[str], rotated: frozenset[str]) -> Secrecy:
    return Secrecy(secrets | to_hide(rotated))


def configure_logging_of(settings: Settings) -> None:
    """The same as the settings say, with their secrets hidden."""
    configure_logging(
        settings.fixative_log_format,
        environment=settings.fixative_env,
        secrets=settings.secrets,
        prompts=settings.fixative_log_prompts,
    )


def configure_logging(
    form: str, *, environment: str = "", secrets: Iterable[str] = (), prompts: bool = False
) -> None:
    """Send our events and the libraries' warnings to stderr in one form: "json" or "console"."""

    def add_environment(_logger: object, _method: str, event: EventDict) -> EventDict:
        return {**event, "env": environment} if environment else event

    def without_prompts(_logger: object, _method: str, event: EventDict) -> EventDict:
        return event if prompts else {k: v for k, v in event.items() if k not in PRIVATE}

    shared: list[Processor] = [
        add_environment,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_prompts,
    ]
    renderers: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if form == "console"
        else [in_wire_names, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    formatter = Discreet(
        foreign_pre_chain=[*shared, structlog.processors.format_exc_info],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )
    formatter.secrets = frozenset(secrets)
    handler = ToStderr()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for ours in ("fixative", "worker", "api"):
        logging.getLogger(ours).setLevel(logging.INFO)


def in_wire_names(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The event with its names as the log has them, the same first in every line."""
    first = {wire: event.pop(ours) for ours, wire in WIRE_NAMES.items() if ours in event}
    return {**first, **event}


def request_id() -> str | None:
    """The id of the request that this thread works for, if it is known."""
    known: str | None = structlog.contextvars.get_contextvars().get("request_id")
    return known
