"""Logs: one line an event, JSON for machines or coloured for eyes, on stderr."""

import logging
import sys
from typing import TextIO

import structlog


class ToStderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at that moment: a command's bar puts lines above itself."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the event."""
        self.setStream(sys.stderr)
        super().emit(record)


def configure_logging(form: str, *, environment: str = "") -> None:
    """Send our events and the libraries' warnings to stderr in one form: "json" or "console"."""

    def add_environment(
        _logger: object, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        return {**event, "env": environment} if environment else event

    shared: list[structlog.typing.Processor] = [
        add_environment,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer()
        if form == "console"
        else structlog.processors.JSONRenderer()
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
    handler = ToStderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.processors.format_exc_info],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for ours in ("fixative", "worker", "api"):
        logging.getLogger(ours).setLevel(logging.INFO)
