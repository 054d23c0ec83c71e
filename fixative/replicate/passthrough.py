"""Replicate's own API for others: what they ask goes there with our token, its answer to them.

Our token goes to Replicate alone, and what is the asker's own (a key, cookies) to nobody: of the
headers of either side only those pass that are named here.
"""

import re
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

import httpx

from fixative.errors import Refused
from fixative.replicate.client import THROTTLED, TIMEOUT
from fixative.replicate.kept_reads import KeptReads
from fixative.replicate.own_addresses import OwnAddresses
from fixative.replicate.pace import Pace
from fixative.replicate.throttling import learned_pace
from fixative.replicate.transport import UNAUTHENTICATED, Streamed, Transport, refusal

PATIENCE_SECONDS = 1.0  # so long a token is waited for
LARGEST = 25 * 2**20  # of a JSON answer, which is read whole
SUCCESS, NO_CONTENT, NOT_MODIFIED = 200, 204, 304
READ_HERE = {NO_CONTENT, NOT_MODIFIED, UNAUTHENTICATED, THROTTLED}  # whatever their bodies are
READS = ("GET", "QUERY")
ASKED = ("accept", "content-type", "content-length", "user-agent")
ANSWERED = (
    *("content-type", "content-disposition", "allow", "location", "preference-applied"),
    *("retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
)
AS_SENT = ("content-length", "content-encoding")  # of a body that is not read here
JSON = re.compile(r"application/(?:[\w.-]+\+)?json\b")


@dataclass(frozen=True)
class Asked:
    """What is asked of Replicate, from `/v1/` on; the query is encoded."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Iterable[bytes] | None

    @property
    def may_be_kept(self) -> bool:
        """Whether its answer is everybody's: nothing but the path decides it."""
        return self.method == "GET" and not self.query


@dataclass(frozen=True)
class Answer:
    """What Replicate answered, whatever its status. A body that is streamed is to be closed."""

    status: int
    headers: dict[str, str]
    body: bytes | Streamed


class PassThrough:
    """Safe to use from many threads. Everything keeps to the pace of reads, and is sent once."""

    def __init__(
        self,
        base_url: str,
        transport: Transport,
        *,
        reads: Pace,
        kept: KeptReads,
    ) -> None:
        self._base_url = base_url
        self._reads = reads
        self._kept = kept
        self._transport = transport
        self._addresses = OwnAddresses(base_url)

    def ask(self, asked: Asked, here: str) -> Answer:
        """The answer; Replicate's addresses of itself in it are led to the base URL `here`.

        Raises NotSent, NoAnswer, or Refused: with 429 when the pace leaves no room in a moment,
        with 401 when our own token is no good. Whatever reading the body raises comes through.
        """
        answer = self._found(asked) or self._answered(asked)
        headers, body = answer.headers, answer.body
        if location := headers.get("location"):
            headers = {**headers, "location": self._addresses.led(location, here)}
        if isinstance(body, bytes):
            body = self._addresses.led_in_json(body, here)
        return Answer(answer.status, headers, body)

    def _found(self, asked: Asked) -> Answer | None:
        kept = self._kept.find(asked.path) if asked.may_be_kept else None
        return None if kept is None else Answer(SUCCESS, {"content-type": "application/json"}, kept)

    def _answered(self, asked: Asked) -> Answer:
        self._wait_for_a_token()
        try:
            answer = self._sent(asked)
        finally:
            if asked.method not in READS:
                self._kept.forget(asked.path)
        if asked.may_be_kept and answer.status == SUCCESS and isinstance(answer.body, bytes):
            self._kept.keep(asked.path, answer.body)
        return answer

    def _wait_for_a_token(self) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not (grant := self._reads.take()).granted:
            if time.monotonic() + grant.wait_seconds > until:
                told = "our own pace of reads"
                raise Refused(THROTTLED, told, retry_after=grant.wait_seconds)
            time.sleep(grant.wait_seconds)

    def _sent(self, asked: Asked) -> Answer:
        request = httpx.Request(
            asked.method,
            f"{self._base_url}{asked.path}" + (f"?{asked.query}" if asked.query else ""),
            headers={
                **_only(ASKED, asked.headers),
                "accept-encoding": "identity",
            },
            content=asked.body,
            extensions={"timeout": TIMEOUT.as_dict()},
        )
        came = self._transport.open(request)
        is_json = JSON.match(came.headers.get("content-type", "")) is not None
        if not is_json and came.status not in READ_HERE:
            return Answer(came.status, _only((*ANSWERED, *AS_SENT), came.headers), came)
        with closing(came):
            whole = came.read(LARGEST)
        self._heed(whole)
        return Answer(came.status, _only(ANSWERED, came.headers), whole.content)

    def _heed(self, answer: httpx.Response) -> None:
        """Keep to what it tells of the pace. Raises Refused when our token is no good."""
        if answer.status_code == UNAUTHENTICATED:
            raise refusal(answer)
        if answer.status_code == THROTTLED:
            told = refusal(answer)
            self._reads.throttled(told.retry_after, learned_pace(told.detail))
        elif answer.headers.get("ratelimit-remaining") == "0":
            self._reads.drained()


def _only(names: Iterable[str], headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in names if name in headers}
