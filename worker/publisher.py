"""The one door for sending a task: quick, tried once, and never in anybody's way."""

import threading
import time
from collections.abc import Iterable
from typing import Any

import structlog
from celery import Celery
from celery.utils.nodenames import worker_direct
from kombu.exceptions import OperationalError

from fixative.errors import BrokerAway
from fixative.names import CANARY, Hint
from fixative.settings import Settings
from fixative.shared import ANSWER_SECONDS, REST_SECONDS, connect
from fixative.telemetry.logging import request_id
from fixative.telemetry.metrics import HINTS_LOST
from worker.queues import DeclaredQueues, RedisQueues

CANARY_EXPIRES_SECONDS = 60
ONE_TRY_OF_REDIS = {
    "max_retries": 0,  # to connect: kombu waits 2 s before the next, whatever `retry` says
    "socket_timeout": ANSWER_SECONDS,
    "socket_connect_timeout": ANSWER_SECONDS,
}
ONE_TRY = {  # of a broker that is spoken to over AMQP; others leave out what they do not know
    "max_retries": 1,
    "interval_start": 0,
    "read_timeout": ANSWER_SECONDS,
    "write_timeout": ANSWER_SECONDS,
}

log = structlog.get_logger(__name__)


class Publisher:
    """Sends hints. One that is not taken is left to the sweep, since its row is committed."""

    def __init__(self, settings: Settings) -> None:
        self._app = Celery("publisher", set_as_current=False)
        self._app.config_from_object("celeryconfig")
        self._app.conf.update(broker_url=settings.broker_url)
        self._app.conf.broker_connection_timeout = ANSWER_SECONDS
        self._queues: RedisQueues | DeclaredQueues
        if settings.broker_is_redis:
            one_try = ONE_TRY_OF_REDIS
            self._queues = RedisQueues(connect(settings.broker_url))
        else:
            one_try = ONE_TRY
            self._queues = DeclaredQueues(self._app)
        options = self._app.conf.broker_transport_options  # the worker's own too: not to be changed
        self._app.conf.broker_transport_options = {**options, **one_try}
        self._away_until = 0.0
        # Now, by one thread: Celery makes its pool for the first message, and where several threads
        # have one, some fail ("Can't shrink pool when in use").
        most = self._app.conf.broker_pool_limit
        self._app.producer_pool.limit = most
        # Whoever would wait for one of these connections waits here, and then sees the rest.
        self._connections = threading.BoundedSemaphore(most)

    def publish(self, hints: Iterable[Hint]) -> None:
        """Send the hints if the broker takes them; never raises, never waits over 0.3 s a step."""
        for hint in hints:
            with self._connections:
                if not self._send(hint.task, hint.arguments, queue=hint.queue):
                    HINTS_LOST.inc()

    def send_canary(self, worker: str) -> bool:
        """Send a canary to this worker's own queue; whether the broker took it. Never raises."""
        queue = worker_direct(worker)
        if not self._send(CANARY, {"worker": worker}, queue=queue, expires=CANARY_EXPIRES_SECONDS):
            return False
        try:  # the queue of a worker that is no more is not to stay for ever
            self._queues.forget(queue.name)
        except BrokerAway as error:
            log.warning("broker_away", error=str(error))
        return True

    def queue_lengths(self) -> dict[str, int]:
        """How many messages wait in each queue. Raises BrokerAway when nobody answers."""
        return self._queues.lengths()

    def _send(self, task: str, arguments: dict[str, Any], **options: Any) -> bool:
        if time.monotonic() < self._away_until:
            return False
        try:
            headers = {"sent_at": time.time(), "request_id": request_id()}
            self._app.send_task(task, kwargs=arguments, headers=headers, retry=False, **options)
        except (OperationalError, OSError) as error:
            self._away_until = time.monotonic() + REST_SECONDS
            log.warning("broker_away", error=str(error))
            return False
        except Exception:  # whatever it is: the row is committed, and its request went well
            log.exception("hint_not_sent", task=task)
            return False
        return True


def known_queue_lengths(publisher: Publisher) -> dict[str, int] | None:
    """How many messages wait in each queue; None while nobody answers."""
    try:
        return publisher.queue_lengths()
    except BrokerAway:
        return None
