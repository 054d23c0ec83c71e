"""What gunicorn does for this API: `gunicorn --config python:api.serving`."""

import signal
from types import FrameType

from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from fixative.errors import WrongSetting
from fixative.settings import load_settings
from fixative.telemetry.logging import configure_logging_of

# Seconds that an idle connection is kept: longer than clients do (undici 4, httpx 5, aiohttp 15).
# So it is they who close it, and never while a request of theirs is on its way.
keepalive = 20


class OurLog(Logger):  # type: ignore[misc]
    """Gunicorn's own lines, in the form of ours."""

    def setup(self, cfg: Config) -> None:
        """Let our handler have them, unless a setting is wrong, which wsgi.py then says."""
        super().setup(cfg)
        try:
            configure_logging_of(load_settings())
        except WrongSetting:
            return
        self.error_log.handlers = []
        self.error_log.propagate = True


logger_class = OurLog


def post_worker_init(worker: Worker) -> None:
    """When the worker is asked to end, let nobody wait: the streams would take all it is given."""
    handle_exit = worker.handle_exit

    def end(number: int, frame: FrameType | None) -> None:
        worker.wsgi.watcher.end()
        handle_exit(number, frame)

    signal.signal(signal.SIGTERM, end)
    signal.siginterrupt(signal.SIGTERM, False)  # as gunicorn has it: it disturbs no request
