"""A local Replicate on a thread of its own, somebody to receive its webhooks, and patience."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import orjson
import pytest

from replicate_emulator.server import Server

FAST = {"*": {"start": 0.01, "run": 0.03}}


class Replicate(httpx.Client):
    """A client of the emulator that knows its routes."""

    def __init__(self, url: str) -> None:
        super().__init__(
            base_url=url,
            headers={"Authorization": "Bearer r8_test"},
            timeout=30,
            verify=False,  # loading certificates takes longer than most tests
        )
        self.url = url

    @cached_property
    def versions(self) -> dict[str, str]:
        models = self.get("/v1/models").json()["results"]
        return {
            f"{model['owner']}/{model['name']}": model["latest_version"]["id"] for model in models
        }

    def post_prediction(self, model: str, headers=None, **body) -> httpx.Response:
        version = self.versions.get(model, model)
        return self.post(
            "/v1/predictions", json={"version": version, **body}, headers=headers or {}
        )

    def create(self, model: str, values: dict, **more) -> dict:
        response = self.post_prediction(model, input=values, **more)
        assert response.status_code == 201, response.text
        return response.json()

    def run(self, model: str, values: dict, **more) -> dict:
        return self.ended(self.create(model, values, **more)["id"])

    def prediction(self, prediction_id: str) -> dict:
        return self.get(f"/v1/predictions/{prediction_id}").json()

    def ended(self, prediction_id: str) -> dict:
        final = ("succeeded", "failed", "canceled", "aborted")
        return eventually(
            lambda: (found := self.prediction(prediction_id))["status"] in final and found
        )

    def listed(self, **query) -> list[dict]:
        return self.get("/v1/predictions", params=query).json()["results"]

    def expected(self, prediction_id: str) -> list[dict]:
        return self.get(f"/_emulator/expected/{prediction_id}").json()

    def configure(self, **changes) -> httpx.Response:
        return self.post("/_emulator/config", json=changes)

    def fault(self, name: str, **seconds: float) -> None:
        assert self.configure(faults={name: 1}, seconds=seconds).status_code == 200

    def stats(self) -> dict:
        return self.get("/_emulator/stats").json()


class Receiver:
    """Takes webhooks; `answers` are the statuses of the next ones, then always 200."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook?job=job-1"

    def bodies(self) -> list[dict]:
        return [orjson.loads(body) for _, body in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append((headers, body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Location", receiver.url)
                self.end_headers()

            def log_message(self, *_arguments) -> None:
                pass

        return Handler


def eventually(found: Callable, seconds: float = 60.0):
    """What `found` returns, as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return result


@pytest.fixture(name="eventually", scope="session")
def _eventually() -> Callable:
    return eventually


@pytest.fixture(scope="session")
def emulator_url() -> Iterator[str]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = Server("127.0.0.1", 0)
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    yield server.url
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="session")
def client(emulator_url: str) -> Iterator[Replicate]:
    with Replicate(emulator_url) as client:
        yield client


@pytest.fixture
def replicate(client: Replicate) -> Replicate:
    """A local Replicate without a past, and fast."""
    client.post("/_emulator/reset")
    client.configure(latency=FAST, creates_per_minute=1e6, reads_per_minute=1e6)
    return client


@pytest.fixture(scope="session")
def web() -> Iterator[httpx.Client]:
    """Somebody without a token."""
    with httpx.Client(verify=False) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()
