"""One POST to a subscriber: to public addresses only, in so many seconds, without redirects."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import httpcore
import httpx

from fixative.errors import NotTold, OutputForbidden, OutputUnreachable
from fixative.hosts import AllowedHosts
from fixative.media.addresses import Dial, Resolve, dial, resolve
from fixative.media.outside import Outside
from fixative.replicate.deadline import Deadline

TOTAL_SECONDS = 10.0
TIMEOUT = dict.fromkeys(("connect", "read", "write", "pool"), 5.0)
LONGEST_RETRY_AFTER = 3600.0
OK = range(200, 300)


@dataclass(frozen=True)
class Answer:
    """What a subscriber answered; `retry_after` in seconds, an hour at most."""

    status: int
    retry_after: float

    @property
    def taken(self) -> bool:
        """Whether it took what it was told."""
        return self.status in OK


class Poster:
    """Posts to allowed hosts."""

    def __init__(
        self,
        allowed: AllowedHosts,
        *,
        total_seconds: float = TOTAL_SECONDS,
        resolve: Resolve = resolve,
        dial: Dial = dial,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = allowed
        self._total_seconds = total_seconds
        self._outside = Outside(tls or ssl.create_default_context(), resolve, dial)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What it answers, of which the body is not read.

        Raises NotTold: where none came, or the address may not be called.
        """
        deadline = Deadline()
        told = {
            "Content-Length": str(len(body)),
            "Content-Type": "application/json",
            **headers,
        }
        try:
            target = self._allowed.target(url)
            with (
                deadline.within(self._total_seconds),
                self._outside.answer(
                    "POST",
                    target,
                    told.items(),
                    deadline=deadline,
                    timeout=TIMEOUT,
                    content=body,
                ) as response,
            ):
                return _answer(response)
        except (OutputForbidden, OutputUnreachable) as error:
            raise NotTold(str(error)) from error


def _answer(response: httpcore.Response) -> Answer:
    named = httpx.Headers(response.headers).get("retry-after", "")
    seconds = min(float(named), LONGEST_RETRY_AFTER) if named.isdigit() else 0.0
    return Answer(response.status, seconds)
