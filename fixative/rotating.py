"""A secret that may change while we run, and is read again where it came from.

Every `look_seconds` whoever asks for it looks again, and at once whoever was refused with it. What
cannot be read then leaves the one that is known, so that no half-written file stops anybody.
"""

import threading
import time
from collections.abc import Callable, Iterable
from urllib.parse import unquote, urlsplit

import structlog
from pydantic import SecretStr

from fixative.errors import WrongSetting

log = structlog.get_logger(__name__)

_rotated: set[str] = set()


class RotatingSecret(SecretStr):
    """Safe to use from many threads: one reads, and only those who were refused wait for it.

    `read` answers the value, or None or WrongSetting when it is not to be had.
    """

    def __init__(
        self,
        name: str,
        value: str,
        read: Callable[[], str | None],
        *,
        look_seconds: float,
        again_seconds: float,
    ) -> None:
        super().__init__(value)
        self._name = name
        self._read_it = read
        self._look_seconds = look_seconds
        self._again_seconds = again_seconds
        self._read_at = time.monotonic()
        self._reading = threading.Lock()
        self._why_not: str | None = None

    def get_secret_value(self) -> str:
        """The secret as it is now, at most `look_seconds` old."""
        if self._age() >= self._look_seconds and self._reading.acquire(blocking=False):
            try:
                self._read()
            finally:
                self._reading.release()
        return self._secret_value

    def renew(self, refused: str) -> bool:
        """Read it again, unless that was `again_seconds` ago; whether it is not `refused` now."""
        with self._reading:
            if self._secret_value == refused and self._age() >= self._again_seconds:
                self._read()
        return self._secret_value != refused

    def _age(self) -> float:
        return time.monotonic() - self._read_at

    def _read(self) -> None:
        self._read_at = time.monotonic()  # first: the next one is not to try this again
        try:
            value, why_not = self._read_it(), None
        except WrongSetting as error:
            value, why_not = None, str(error)
        if why_not and why_not != self._why_not:  # said once, though it is tried every second
            log.warning("secret_not_read", reason=why_not)
        self._why_not = why_not
        if value and value != self._secret_value:
            _rotated.add(value)  # before anybody can log it
            self._secret_value = value
            log.info("secret_rotated", variable=self._name)


def renewed(secret: SecretStr, refused: str) -> bool:
    """Whether there is another value than the one that was just refused; asks where it came from.

    Never for a secret that was given as a value: that one stays.
    """
    return isinstance(secret, RotatingSecret) and secret.renew(refused)


def rotated() -> frozenset[str]:
    """All that this process has read later than at its start: logs have to hide it too."""
    return frozenset(_rotated)


def one_or_more(secrets: str) -> tuple[str, ...]:
    """Secrets that are valid side by side, with commas or white space between."""
    return tuple(secrets.replace(",", " ").split())


def to_hide(secrets: Iterable[str]) -> frozenset[str]:
    """What of these is to be shown to nobody: of addresses their passwords."""
    return frozenset(hidden for secret in secrets if (hidden := _to_hide(secret)))


def _to_hide(secret: str) -> str | None:
    try:
        return unquote(urlsplit(secret).password or "") if "://" in secret else secret
    except ValueError:  # no address after all
        return secret
