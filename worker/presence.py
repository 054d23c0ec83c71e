"""This worker among the workers: it appears, is seen every few seconds, and leaves."""

import os
import threading
from collections.abc import Callable
from typing import Any

import structlog
from celery.concurrency.prefork import TaskPool as PreforkPool
from celery.worker import state

from fixative.postgres import presence
from fixative.postgres.engine import Database
from fixative.recovery.epoch import EpochGuard
from fixative.settings import load_settings
from worker.heard import begin_to_hear, heard
from worker.services import Services

APPEAR_SECONDS = 10.0
COMPARE_SECONDS = 15.0
PATIENCE_SECONDS = 2.5
GOODBYE_SECONDS = 2.0  # the supervisor kills what takes 4 s to end

log = structlog.get_logger(__name__)


class Presence:
    """Keeps this process's row in `workers`, and the epoch; each in a thread of its own.

    A bucket that hangs would otherwise make a worker that lives look dead. Without an `epoch`
    only the row is kept. `hands_full` tells whether the worker has as much work as it can do.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        epoch: EpochGuard | None,
        hands_full: Callable[[], bool],
    ) -> None:
        self._name = name
        self._database = database
        self._epoch = epoch
        self._hands_full = hands_full
        self._over = threading.Event()
        self._speaking = threading.Lock()

    def begin(self) -> None:
        """Appear, and go on doing so until `end`."""
        begin_to_hear()
        # A process forked in the middle of a sentence would keep its locks for ever.
        os.register_at_fork(
            before=self._speaking.acquire,
            after_in_parent=self._speaking.release,
            after_in_child=self._speaking.release,
        )
        self._keep_doing(self._appear, APPEAR_SECONDS)
        if self._epoch:
            self._keep_doing(self._epoch.compare, COMPARE_SECONDS)

    def end(self) -> None:
        """Leave, and the epoch at a number of this moment; given up after 2 s."""
        self._over.set()
        farewell = threading.Thread(target=self._leave, name="farewell", daemon=True)
        farewell.start()
        farewell.join(GOODBYE_SECONDS)
        if farewell.is_alive():
            log.warning("farewell_given_up", worker=self._name)

    def _keep_doing(self, what: Callable[[], object], seconds: float) -> None:
        def keep_doing() -> None:
            while not self._over.is_set():
                _try(what)
                self._over.wait(seconds)

        threading.Thread(target=keep_doing, name=what.__name__, daemon=True).start()

    def _appear(self) -> None:
        with self._speaking:
            if self._over.is_set():
                return
            # Whose hands are full consumes nothing, a canary neither, and is not deaf.
            full = self._hands_full()
            if full:
                heard()
            with self._database.begin(PATIENCE_SECONDS) as session:
                presence.appear(session, self._name, os.getpid())
                if full:
                    presence.canary_heard(session, self._name)

    def _leave(self) -> None:
        _try(self._leave_the_workers)
        if self._epoch:
            _try(self._epoch.raise_now)

    def _leave_the_workers(self) -> None:
        with self._speaking, self._database.begin(PATIENCE_SECONDS) as session:
            presence.leave(session, self._name)


def present(services_of_process: Callable[[], Services], consumer: Any) -> Presence:
    """The presence of the worker that this Celery consumer is the heart of.

    The main process of a prefork worker runs no task and forks at any time. So nothing is opened
    there that a child could inherit, but one connection that no child touches.
    """

    def hands_full() -> bool:
        """When every slot runs a task. What is only reserved and never begun is deafness too."""
        return bool(len(state.active_requests) >= consumer.pool.num_processes)

    if isinstance(consumer.pool, PreforkPool):
        settings = load_settings()
        database = Database(
            settings.sqlalchemy_url,
            connections=1,
            prepared=settings.fixative_prepared_statements,
        )
        return Presence(consumer.hostname, database, None, hands_full)
    services = services_of_process()
    return Presence(consumer.hostname, services.database, services.epoch, hands_full)


def send_canaries(services: Services) -> None:
    """Send one to each live worker that had none for 30 s, and note which Redis took."""
    with services.database.begin() as session:
        names = presence.awaiting_canary(session)
    taken = [name for name in names if services.publisher.send_canary(name)]
    if taken:
        with services.database.begin() as session:
            presence.canary_sent(session, taken)


def _try(what: Callable[[], object]) -> None:
    """Do it; the next time comes soon, or, at the end, never."""
    try:
        what()
    except Exception as error:  # noqa: BLE001 - whatever it is, the worker goes on working
        log.warning("presence_failed", what=what.__name__, error=f"{type(error).__name__}: {error}")
