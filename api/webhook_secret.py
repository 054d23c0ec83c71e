"""The secrets that sign Replicate's webhooks: as set, else what Replicate tells when asked.

While they are rotated several are valid. Where a signature fits none, they are looked for again.
"""

import threading
import time
from collections.abc import Mapping

import structlog
from pydantic import SecretStr
from werkzeug.exceptions import ServiceUnavailable

from fixative.errors import BadSignature, ReplicateError
from fixative.replicate.client import Replicate
from fixative.replicate.signature import verify
from fixative.rotating import one_or_more, renewed

ASK_AGAIN_SECONDS = 5.0
PATIENCE_SECONDS = 1.0

log = structlog.get_logger(__name__)


class WebhookSecret:
    """Safe to use from many threads: one asks Replicate, the others wait a second for it."""

    def __init__(self, told: SecretStr | None, replicate: Replicate) -> None:
        self._set = told
        self._asked: str | None = None
        self._replicate = replicate
        self._asking = threading.Lock()
        self._not_before = 0.0

    def verify(self, headers: Mapping[str, str], raw: bytes) -> str:
        """The webhook's id. Raises BadSignature, and ServiceUnavailable while no secret is known.

        Replicate sends it again after either.
        """
        known = self._known() or self._another_than(None)
        if known is None:
            raise ServiceUnavailable("the webhook secret is not known yet")
        try:
            return verify(one_or_more(known), headers, raw)
        except BadSignature:
            another = self._another_than(known)
            if another is None:
                raise
        return verify(one_or_more(another), headers, raw)

    def _known(self) -> str | None:
        return self._asked if self._set is None else self._set.get_secret_value()

    def _another_than(self, refused: str | None) -> str | None:
        """Look where the secret comes from, not too often; what is known then, if it is another."""
        if self._set is not None:
            renewed(self._set, refused or "")
        elif self._asking.acquire(timeout=PATIENCE_SECONDS):
            try:
                if self._asked == refused and time.monotonic() >= self._not_before:
                    self._ask()
            finally:
                self._asking.release()
        known = self._known()
        return None if known == refused else known

    def _ask(self) -> None:
        try:
            self._asked = self._replicate.webhook_secret()
        except ReplicateError as error:
            log.warning("webhook_secret_unknown", reason=str(error))
        finally:
            self._not_before = time.monotonic() + ASK_AGAIN_SECONDS
