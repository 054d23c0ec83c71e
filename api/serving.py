"""What gunicorn does for this API: `gunicorn --config python:api.serving`."""

import signal
from types import FrameType

from gunicorn.workers.base import Worker


def post_worker_init(worker: Worker) -> None:
    """When the worker is asked to end, let nobody wait: the streams would take all it is given."""
    handle_exit = worker.handle_exit

    def end(number: int, frame: FrameType | None) -> None:
        worker.wsgi.watcher.end()
        handle_exit(number, frame)

    signal.signal(signal.SIGTERM, end)
    signal.siginterrupt(signal.SIGTERM, False)  # as gunicorn has it: it disturbs no request
