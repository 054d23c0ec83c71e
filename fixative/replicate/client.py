"""Replicate's HTTP API, through the official client, with answers as raw JSON and errors as ours.

The official client's own models drop fields we need (data_removed, deadline, webhook), refuse the
status `aborted`, and take no Cancel-After; so its authenticated session is used and its models are
not. Its hidden retries never happen: our transport raises before it could sleep.
"""

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from pydantic import SecretStr
from replicate.client import Client

from fixative.errors import NoAnswer, Refused
from fixative.replicate.form import FileForm
from fixative.replicate.pace import Pace
from fixative.replicate.target import Target
from fixative.replicate.throttling import learned_pace
from fixative.replicate.transport import BEGIN_BY, WITHIN, Transport
from fixative.telemetry.labels import status_class
from fixative.telemetry.metrics import REPLICATE_SECONDS
from fixative.telemetry.tracing import span

TOTAL_SECONDS = 60
UPLOAD_SECONDS = 300  # 100 MB, the most there is, at 3 Mbit/s
NOT_FOUND = 404
THROTTLED = 429
PATIENCE_SECONDS = 5.0  # so long a page of a list is waited for
PATIENT_TRIES = 3
TIMEOUT = httpx.Timeout(connect=5, read=30, write=20, pool=5)
# What a request asks for, for those who watch.
CALLS = (
    ("create", re.compile(r"POST /v1/(.+/)?predictions")),
    ("list", re.compile(r"GET /v1/predictions")),
    ("get", re.compile(r"GET /v1/predictions/[^/]+")),
    ("cancel", re.compile(r"POST /v1/predictions/[^/]+/cancel")),
)


class Replicate:
    """One account at Replicate. Safe to use from many threads.

    Every method raises NotSent, NoAnswer or Refused, and nothing of httpx or replicate. Reads keep
    to `reads`, where given: one beyond that pace is Refused with 429 without being sent. Whoever
    creates has asked `creates` before; here it is only told what the answers say. A call takes
    `total_seconds` at most, however its bytes come.
    """

    def __init__(
        self,
        base_url: str,
        token: SecretStr,
        *,
        reads: Pace | None = None,
        creates: Pace | None = None,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._reads = reads
        self._creates = creates
        self._account: str | None = None
        self._account_known = False
        self._transport = Transport(total_seconds, token)
        self._client = Client(
            api_token="of the transport",  # noqa: S106 - which puts in the one that is valid
            base_url=base_url,
            timeout=TIMEOUT,
            transport=self._transport,
        )

    @property
    def transport(self) -> Transport:
        """The way that its calls take, for others to the same account."""
        return self._transport

    def close(self) -> None:
        """Close the connections that are idle."""
        self._transport.close()

    def create(
        self,
        target: Target,
        input_: dict[str, Any],
        *,
        webhook: str | None,
        cancel_after: int,
        begin_by: float,
    ) -> dict[str, Any]:
        """Make a prediction, which costs money. Sent once, never again by itself.

        `cancel_after` is in seconds, from creation (Replicate's changelog, 2025-10-16). Whoever
        comes to writing the first byte after `begin_by` (monotonic) raises NotSent instead.
        """
        body: dict[str, Any] = {**target.body, "input": input_}
        if webhook:
            body |= {"webhook": webhook, "webhook_events_filter": ["start", "completed"]}
        headers = {"Cancel-After": f"{cancel_after}s"}
        return self._json(
            "POST",
            target.path,
            self._creates,
            json=body,
            headers=headers,
            extensions={BEGIN_BY: begin_by},
        )

    def get(self, prediction_id: str) -> dict[str, Any]:
        """The prediction as it is now."""
        return self._read(f"/v1/predictions/{prediction_id}")

    def cancel(self, prediction_id: str) -> dict[str, Any]:
        """Ask for its end; answers the prediction as it then is."""
        return self._json("POST", f"/v1/predictions/{prediction_id}/cancel", self._reads)

    def pages(self, *, created_after: datetime) -> Iterator[list[Any]]:
        """Pages of 100, newest first, of all predictions created at or after that time.

        A page that is to be had a little later is waited for, so that a long walk gets to its end.
        """
        query: str | None = urlencode({"created_after": created_after.isoformat()})
        while query is not None:
            results, query = self._patiently(query)
            yield results

    def page(self, query: str) -> tuple[list[Any], str | None]:
        """One page of a list, newest first, and the query of the page after it; None: the last.

        `query` is urlencoded: created_after (inclusive), created_before (exclusive), cursor.
        """
        page = self._read("/v1/predictions", params=dict(parse_qsl(query)))
        results, following = page.get("results"), page.get("next")
        if not isinstance(results, list):
            raise NoAnswer("a page of predictions without results")
        if not following:
            return results, None
        # Only the query of `next` is followed: our token goes to no other host.
        onward = parse_qsl(urlsplit(following).query)
        return results, urlencode({**dict(parse_qsl(query)), **dict(onward)})

    def upload(self, name: str, content_type: str, size: int, chunks: Iterable[bytes]) -> str:
        """Give Replicate a file; the URL by which its predictions take it, for a day.

        Whatever reading `chunks` raises comes through.
        """
        form = FileForm(name, content_type, size)
        answer = self._paced(
            "POST",
            "/v1/files",
            content=form.around(chunks),
            headers=form.headers,
            extensions={WITHIN: UPLOAD_SECONDS},
        )
        urls = answer.get("urls")
        url = urls.get("get") if isinstance(urls, dict) else None
        if not isinstance(url, str):
            raise NoAnswer("no URL in the answer to an upload")
        return url

    def account(self) -> str | None:
        """The name of the account that the token opens, asked once; None if it is not told."""
        if not self._account_known:
            try:
                name = self._read("/v1/account").get("username")
            except Refused as error:
                if error.status != NOT_FOUND:
                    raise
                name = None
            self._account = name if isinstance(name, str) else None
            self._account_known = True
        return self._account

    def model(
        self, owner: str, name: str, version: str | None = None, *, within: float | None = None
    ) -> dict[str, Any]:
        """The model, with `is_official` and `latest_version` where Replicate says them.

        Or this one version of it, with its `openapi_schema`. `within` are the seconds it may take.
        """
        path = f"/v1/models/{owner}/{name}" + (f"/versions/{version}" if version else "")
        return self._read(path, extensions={} if within is None else {WITHIN: within})

    def webhook_secret(self) -> str:
        """The account's secret (`whsec_…`) that signs its webhooks."""
        key = self._read("/v1/webhooks/default/secret").get("key")
        if not isinstance(key, str):
            raise NoAnswer("no webhook secret in the answer")
        return key

    def _read(self, path: str, **request: Any) -> dict[str, Any]:
        return self._paced("GET", path, **request)

    def _paced(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Whatever creates nothing, at the pace of reads."""
        if self._reads is None:
            return self._json(method, path, None, **request)
        grant = self._reads.take()
        if not grant.granted:
            raise Refused(THROTTLED, "our own pace of reads", retry_after=grant.wait_seconds)
        try:
            return self._json(method, path, self._reads, **request)
        except Refused as error:
            if error.status == THROTTLED:
                self._reads.throttled(error.retry_after, learned_pace(error.detail))
            raise

    def _patiently(self, query: str) -> tuple[list[Any], str | None]:
        """As `page`, but too fast is no reason to give up."""
        for _ in range(PATIENT_TRIES):
            try:
                return self.page(query)
            except Refused as error:
                if error.status != THROTTLED or (error.retry_after or 0) > PATIENCE_SECONDS:
                    raise
                time.sleep(error.retry_after or 1)
        return self.page(query)

    def _json(self, method: str, path: str, pace: Pace | None, **request: Any) -> dict[str, Any]:
        with _counted(method, path):
            response = self._client._request(method, path, **request)  # noqa: SLF001 - see the module
        if pace is not None and response.headers.get("ratelimit-remaining") == "0":
            pace.drained()
        try:
            answer = response.json()
        except (ValueError, RecursionError) as error:
            raise NoAnswer("the answer was not JSON") from error
        if not isinstance(answer, dict):
            raise NoAnswer("the answer was not an object")
        return answer


@contextmanager
def _counted(method: str, path: str) -> Iterator[None]:
    """Count a call and how long it took, by what it asks and how it was answered."""
    began, answer = time.monotonic(), "none"
    call = next((call for call, asks in CALLS if asks.fullmatch(f"{method} {path}")), "other")
    try:
        with span(f"replicate.{call}"):
            yield
        answer = "2xx"
    except Refused as error:
        answer = status_class(error.status)
        raise
    finally:
        REPLICATE_SECONDS.labels(call, answer).observe(time.monotonic() - began)
