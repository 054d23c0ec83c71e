"""The REST API as the commands use it: one address, one key, errors in words."""

import ipaddress
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from fixative.cli.run_file import default_data_dir, read_run_file
from fixative.errors import FixativeError, WrongSetting
from fixative.variables import read_variable

PAGE = 200
STEP = 500  # of what is done to many
PAUSE_SECONDS = 0.2  # between two looks at a job
TIMEOUT = httpx.Timeout(connect=5, read=60, write=60, pool=5)


class ApiError(FixativeError):
    """The API said no; the message is what it said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ApiAway(FixativeError):
    """The API did not answer; the message says what to do."""


class Api:
    """One system's API under one key. Every method raises ApiError or ApiAway."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT,
            trust_env=not is_this_machine(url),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """The JSON at `path`; parameters that are None are left out."""
        return self._json("GET", path, params=given(params))

    def post(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """The answer to POST, None when it has no body."""
        return self._json("POST", path, json=body or {}, headers=headers)

    def post_all(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What became of all that `body` chooses, in sum, over as many requests as that takes."""
        told = dict[str, Any]()
        cursor = None
        while True:
            answer = self.post(path, given({**body, "limit": STEP, "cursor": cursor}))
            cursor = answer.pop("next")
            told = {name: told[name] + more if told else more for name, more in answer.items()}
            if not cursor:
                return told

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """The answer to PUT."""
        return self._json("PUT", path, json=body)

    def delete(self, path: str, **params: Any) -> Any:
        """The answer to DELETE; parameters that are None are left out."""
        return self._json("DELETE", path, params=given(params))

    def items(self, path: str, limit: int, **params: Any) -> Iterator[dict[str, Any]]:
        """The first `limit` items of a list, over as many pages as that takes."""
        cursor = None
        while limit > 0:
            page = self.get(path, **params, limit=min(limit, PAGE), cursor=cursor)
            yield from page["items"][:limit]
            limit -= len(page["items"])
            cursor = page.get("next")
            if not cursor:
                return

    def changes(self, job_id: str, patience: float = math.inf) -> Iterator[dict[str, Any]]:
        """The job now, and again after each change, for so many seconds."""
        etag, until = "", time.monotonic() + patience
        while True:
            headers = {"If-None-Match": etag} if etag else {}
            response = self._send("GET", f"/jobs/{job_id}", headers=headers)
            if response.status_code != httpx.codes.NOT_MODIFIED:
                etag = response.headers.get("ETag", "")
                yield response.json()
            if time.monotonic() > until:
                return
            time.sleep(PAUSE_SECONDS)

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[bytes]]:
        """The bytes at `path`; an error may also come while they are read."""
        with self._translated(), self._http.stream("GET", path) as response:
            if response.is_error:
                response.read()
                raise ApiError(response.status_code, problem_in_words(response))
            yield response.iter_bytes()

    def _json(self, method: str, path: str, **request: Any) -> Any:
        response = self._send(method, path, **request)
        return response.json() if response.content else None

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        with self._translated():
            response = self._http.request(method, path, **request)
        if response.is_error:
            raise ApiError(response.status_code, problem_in_words(response))
        return response

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise ApiAway(
                f"nothing answers at {self.url}: start the system with `fixative up`, "
                "or set FIXATIVE_API_URL"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ApiAway(f"{self.url}: {str(error) or type(error).__name__}") from None


def connect(data_dir: Path | None = None) -> Api:
    """The API that FIXATIVE_API_URL and FIXATIVE_API_KEY name, else the one in run.json.

    That file lies in `data_dir`, or where FIXATIVE_DATA_DIR says.

    Raises WrongSetting, with one line on what to do, when neither says enough.
    """
    url, key = (read_variable(os.environ, f"FIXATIVE_API_{what}") for what in ("URL", "KEY"))
    if url and not key:
        # The admin key in run.json is that system's: it is not shown to another.
        raise WrongSetting("FIXATIVE_API_KEY: needed where FIXATIVE_API_URL is set")
    if not url:
        data_dir = data_dir or default_data_dir()
        run = read_run_file(data_dir)
        if run is None:
            raise WrongSetting(
                f"no running system in {data_dir}: start one with `fixative up`, "
                "or set FIXATIVE_API_URL and FIXATIVE_API_KEY"
            )
        url, key = run["api_url"], key or run["admin_key"]
    if urlsplit(url).scheme not in {"http", "https"}:
        raise WrongSetting("FIXATIVE_API_URL: must be an http or https URL")
    assert key  # noqa: S101
    return Api(url, key)


def given(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters that were given a value."""
    return {name: value for name, value in params.items() if value is not None}


def is_this_machine(url: str) -> bool:
    """Whether a proxy for the outside has no business with this address."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def problem_in_words(response: httpx.Response) -> str:
    """A problem+json answer: its sentence, and a line for each field that it names."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return f"{response.status_code} {response.reason_phrase}"
    sentence = problem.get("detail") or problem.get("title") or response.reason_phrase
    lines = [f"{sentence} ({response.status_code})"]
    for error in problem.get("errors") or []:
        place = ".".join(map(str, error.get("loc", [])))
        lines.append(f"  {place}: {error.get('msg')}")
    if wait := response.headers.get("Retry-After"):
        lines.append(f"  try again in {wait} s")
    return "\n".join(lines)
