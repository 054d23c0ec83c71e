"""One GET for a file, on a connection of its own; redirects are followed and looked at alike."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

from fixative.errors import OutputExpired, OutputForbidden, OutputUnreachable
from fixative.hosts import AllowedHosts, Target
from fixative.media.outside import Outside
from fixative.replicate.deadline import Deadline

TIMEOUT = {"connect": 5.0, "read": 30.0, "write": 10.0, "pool": 5.0}
# No credentials, no cookies: an output's host learns nothing of ours.
HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity"}

MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
GONE = frozenset({403, 404, 410})
FILE, PART = 200, 206


@dataclass(frozen=True)
class Answer:
    """A file or a part of it that has begun to come. Its stream may raise what TROUBLE lists."""

    status: int
    headers: httpx.Headers
    stream: Iterator[bytes]


@dataclass(frozen=True)
class Asker:
    """Asks allowed hosts for files."""

    allowed: AllowedHosts
    outside: Outside

    @contextmanager
    def ask(self, url: str, headers: Mapping[str, str], deadline: Deadline) -> Iterator[Answer]:
        """A file or a part of it, as its bytes are.

        Raises OutputForbidden, OutputExpired or OutputUnreachable.
        """
        for _ in range(1 + MOST_REDIRECTS):
            target = self.allowed.target(url)
            with self._answer(target, headers, deadline) as answer:
                location = answer.headers.get("location")
                if answer.status not in REDIRECTS or location is None:
                    _check(answer, target.host)
                    yield answer
                    return
                url = _joined(url, location)
        raise OutputForbidden(f"redirected more than {MOST_REDIRECTS} times")

    @contextmanager
    def _answer(
        self, target: Target, headers: Mapping[str, str], deadline: Deadline
    ) -> Iterator[Answer]:
        asked = [*HEADERS.items(), *headers.items()]
        with self.outside.answer(
            "GET", target, asked, deadline=deadline, timeout=TIMEOUT
        ) as response:
            yield Answer(response.status, httpx.Headers(response.headers), response.iter_stream())


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:  # whoever looks at it next refuses it as it stands
        return location


def _check(answer: Answer, host: str) -> None:
    if answer.status in GONE:
        raise OutputExpired(f"{answer.status} from {host}")
    if answer.status not in {FILE, PART}:
        raise OutputUnreachable(f"{answer.status} from {host}")
    encoding = answer.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":  # not asked for, and a bomb can hide in it
        raise OutputUnreachable(f"{host} sends {encoding[:40]!r}, not the file as it is")
