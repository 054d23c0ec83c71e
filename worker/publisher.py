"""The one door for sending a task: quick, tried once, and never in anybody's way."""

import threading
import time
from collections.abc import Iterable
from typing import Any

import structlog
from celery import Celery
from celery.utils.nodenames import worker_direct
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from fixative.names import CANARY, QUEUES, Hint
from fixative.settings import Settings
from fixative.shared import ANSWER_SECONDS, REST_SECONDS, connect
from fixative.telemetry.logging import request_id
from fixative.telemetry.metrics import HINTS_LOST

CANARY_EXPIRES_SECONDS = 60
FORGOTTEN_SECONDS = 600

log = structlog.get_logger(__name__)


class Publisher:
    """Sends hints. One that is not taken is left to the sweep, since its row is committed."""

    def __init__(self, settings: Settings) -> None:
        self._app = Celery("publisher", set_as_current=False)
        self._app.config_from_object("celeryconfig")
        self._app.conf.update(broker_url=settings.redis_url.get_secret_value())
        self._app.conf.broker_connection_timeout = ANSWER_SECONDS
        self._app.conf.broker_transport_options = {
            **self._app.conf.broker_transport_options,
            "socket_timeout": ANSWER_SECONDS,
            "socket_connect_timeout": ANSWER_SECONDS,
        }
        self._prefix = self._app.conf.broker_transport_options["global_keyprefix"]
        self._redis = connect(settings.redis_url.get_secret_value())
        self._away_until = 0.0
        # Whoever would wait for one of Celery's connections waits here, and then sees the rest.
        self._connections = threading.BoundedSemaphore(self._app.conf.broker_pool_limit)

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
            self._redis.expire(f"{self._prefix}{queue.name}", FORGOTTEN_SECONDS)
        except RedisError as error:
            log.warning("broker_away", error=str(error))
        return True

    def queue_lengths(self) -> dict[str, int]:
        """How many messages wait in each queue. Raises redis.RedisError when nobody answers."""
        pipe = self._redis.pipeline(transaction=False)
        for queue in QUEUES:
            pipe.llen(f"{self._prefix}{queue}")
        return dict(zip(QUEUES, pipe.execute(), strict=True))

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
        return True
