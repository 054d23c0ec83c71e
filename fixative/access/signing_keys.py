"""The public keys that a token's issuer signs with, as its JWKS address tells them."""

import json
import math
import threading
import time
from collections.abc import Callable

import httpx
import structlog
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError

from fixative.errors import SigningKeysAway

STEP_SECONDS = 2.0
PATIENCE_SECONDS = 5.0  # in all, however slowly it comes
LARGEST = 256 * 1024
FRESH_SECONDS = 300.0
ASK_AGAIN_SECONDS = 10.0

log = structlog.get_logger(__name__)


class SigningKeys:
    """Asked for at the first token, every five minutes, and when a token names an unknown one.

    At most once in ten seconds and by one thread, whatever tokens come. While the issuer is away
    the keys that are known go on.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._known: dict[str, PyJWK] = {}
        self._answered = False  # when it was last asked
        self._asked_at = -math.inf
        self._asking = threading.Lock()

    def find(self, key_id: str) -> PyJWK | None:
        """The key of this id; None when the issuer has none. Raises SigningKeysAway."""
        known = self._known.get(key_id)
        if known is not None and self._age < FRESH_SECONDS:
            return known
        told = self._ask_again(patience=PATIENCE_SECONDS if known is None else 0)
        found = self._known.get(key_id)
        if found is None and not told:
            raise SigningKeysAway("the issuer's signing keys are not known")
        return found

    @property
    def _age(self) -> float:
        return self._clock() - self._asked_at

    def _ask_again(self, *, patience: float) -> bool:
        """Whether the issuer has told its keys lately; not while another thread still asks."""
        if not self._asking.acquire(timeout=patience):
            return False
        try:
            if self._age >= ASK_AGAIN_SECONDS:
                self._ask()
            return self._answered
        finally:
            self._asking.release()

    def _ask(self) -> None:
        try:
            self._known, self._answered = _fetch(self._url), True
        except (httpx.HTTPError, PyJWTError, ValueError) as error:
            self._answered = False
            log.warning("signing_keys_away", reason=f"{type(error).__name__}: {error}")
        finally:
            self._asked_at = self._clock()


def _fetch(url: str) -> dict[str, PyJWK]:
    until = time.monotonic() + PATIENCE_SECONDS
    content = b""
    with httpx.stream("GET", url, timeout=STEP_SECONDS) as answer:
        answer.raise_for_status()
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > LARGEST or time.monotonic() > until:
                raise ValueError("too large, or too slow")
    told = json.loads(content)
    keys = PyJWKSet.from_dict(told if isinstance(told, dict) else {}).keys
    return {key.key_id: key for key in keys if key.key_id and key.public_key_use in {"sig", None}}
