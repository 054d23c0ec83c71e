"""The Celery app: `celery -A worker.app …`. Services are built when a process first needs them."""

import gc
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery import Celery, signals

from fixative.settings import load_settings
from fixative.telemetry import tracing
from fixative.telemetry.logging import configure_logging_of
from worker.base_task import FixativeTask

if TYPE_CHECKING:
    from worker.presence import Presence
    from worker.services import Services

THREADS_CONNECTIONS = 12
CHILD_CONNECTIONS = 1


class Worker(Celery):
    """Celery with the services of this process."""

    def __init__(self, name: str) -> None:
        super().__init__(name, task_cls=FixativeTask)
        self._services: Services | None = None
        self._building = threading.Lock()
        self._stopping = threading.Event()
        self.connections = THREADS_CONNECTIONS
        self.presence: Presence | None = None  # of a worker's main process

    def services(self) -> "Services":
        """Built at the first call in each process, so never inherited over a fork."""
        with self._building:
            if self._services is None:
                from worker.services import Services

                self._services = Services(load_settings(), self.connections, self._stopping)
            return self._services

    def stop_long_tasks(self) -> None:
        """Let them end at their next step.

        A signal's handler may call it: the thread it interrupts may be building the services.
        """
        self._stopping.set()


app = Worker("fixative")
app.config_from_object("celeryconfig")


@signals.setup_logging.connect
def _configure_logging(**_: Any) -> None:
    settings = load_settings()
    configure_logging_of(settings)


@signals.worker_init.connect
def _import_before_any_fork(**_: Any) -> None:
    from worker import presence, services  # noqa: F401

    gc.freeze()  # shared with the children, and looked at by no collection, not the exit's either


@signals.worker_process_init.connect
def _in_a_prefork_child(**_: Any) -> None:
    app.connections = CHILD_CONNECTIONS
    app.presence = None


@signals.worker_shutting_down.connect
def _stop_long_tasks(**_: Any) -> None:
    app.stop_long_tasks()


@signals.worker_ready.connect
def _appear(sender: Any, **_: Any) -> None:
    from worker.presence import present

    app.presence = present(app.services, sender)
    app.presence.begin()


@signals.worker_shutdown.connect
@signals.worker_process_shutdown.connect
def _close_services(**_: Any) -> None:
    if app.presence:
        app.presence.end()
    app.services().close()
    tracing.close()


@signals.worker_ready.connect
@signals.beat_init.connect
def _tell_readiness(**_: Any) -> None:
    path = os.environ.get("FIXATIVE_READY_FILE")
    if path:
        Path(path).touch()
