"""The secret that signs Replicate's webhooks: as set, else asked of Replicate once a process."""

import threading
import time

import structlog
from pydantic import SecretStr
from werkzeug.exceptions import ServiceUnavailable

from fixative.errors import ReplicateError
from fixative.replicate.client import Replicate

ASK_AGAIN_SECONDS = 5.0
PATIENCE_SECONDS = 1.0

log = structlog.get_logger(__name__)


class WebhookSecret:
    """Safe to use from many threads: one asks Replicate, the others wait a second for it."""

    def __init__(self, known: SecretStr | None, replicate: Replicate) -> None:
        self._secret = None if known is None else known.get_secret_value()
        self._replicate = replicate
        self._asking = threading.Lock()
        self._not_before = 0.0

    def get(self) -> str:
        """The secret. Raises ServiceUnavailable while it is not known; Replicate then retries."""
        if self._secret is None and self._asking.acquire(timeout=PATIENCE_SECONDS):
            try:
                self._ask()
            finally:
                self._asking.release()
        if self._secret is None:
            raise ServiceUnavailable("the webhook secret is not known yet")
        return self._secret

    def _ask(self) -> None:
        if self._secret is not None or time.monotonic() < self._not_before:
            return
        try:
            self._secret = self._replicate.webhook_secret()
        except ReplicateError as error:
            log.warning("webhook_secret_unknown", reason=str(error))
        finally:
            self._not_before = time.monotonic() + ASK_AGAIN_SECONDS
