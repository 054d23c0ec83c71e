"""A small real HTTP server in place of the API, and the `fixative` command run against it."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from click.testing import CliRunner, Result

from fixative.cli.main import main

KEY = "fx_key_of_the_tests"
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Reply:
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    route: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class FakeApi:
    """Answers each `METHOD /path` as told, the last reply again and again; remembers requests."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._replies: dict[str, list[Reply]] = {}

    def on(self, route: str, *replies: Any) -> None:
        self._replies[route] = [r if isinstance(r, Reply) else Reply(r) for r in replies]

    def problem(self, route: str, status: int, detail: str, **more: Any) -> None:
        body = {"type": "about:blank", "title": "No", "status": status, "detail": detail, **more}
        self.on(route, Reply(body, status, {"Content-Type": PROBLEM}))

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        replies = self._replies.get(asked.route, [Reply({"detail": "no such route"}, 404)])
        return replies.pop(0) if len(replies) > 1 else replies[0]


@pytest.fixture
def fake_api() -> Iterator[FakeApi]:
    fake = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.loads(raw) if raw else None
            route = f"{self.command} {parts.path}"
            reply = fake.reply(Asked(route, dict(parse_qsl(parts.query)), dict(self.headers), body))
            content = (
                reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            )
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status != 304:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if reply.status != 304:
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield fake
        server.shutdown()
        thread.join()


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `fixative …` in an empty directory, with these variables and no others of ours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fixative.cli.api_client.PAUSE_SECONDS", 0)

    def invoke(*arguments: str, **environ: str) -> Result:
        known = {"FIXATIVE_API_URL": "", "FIXATIVE_API_KEY": "", "FIXATIVE_DATA_DIR": ""}
        return CliRunner().invoke(main, arguments, env={**known, **environ})

    return invoke


@pytest.fixture
def fixative(run: Run, fake_api: FakeApi) -> Run:
    """Run `fixative …` against the fake API."""

    def invoke(*arguments: str) -> Result:
        return run(*arguments, FIXATIVE_API_URL=fake_api.url, FIXATIVE_API_KEY=KEY)

    return invoke


@pytest.fixture
def a_job() -> Callable[..., dict[str, Any]]:
    """A job in its wire shape."""

    def make(status: str = "succeeded", **more: Any) -> dict[str, Any]:
        return {
            "id": "0198c0de-0000-7000-8000-000000000001",
            "status": status,
            "waiting": None,
            "job_type": "image",
            "model": "black-forest-labs/flux-schnell",
            "version": None,
            "deployment": None,
            "label": None,
            "owner_id": "0198c0de-0000-7000-8000-00000000000a",
            "prediction": {"id": "abc123"},
            "media": [],
            "warnings": [],
            "error": None,
            "created_at": "2026-01-02T03:04:05.678901Z",
            "completed_at": "2026-01-02T03:04:07.678901Z",
            **more,
        }

    return make


@pytest.fixture
def a_medium() -> Callable[..., dict[str, Any]]:
    """A stored object in its wire shape."""

    def make(name: str = "original.webp", **more: Any) -> dict[str, Any]:
        return {
            "name": name,
            "index": 0,
            "role": "original",
            "kind": "image",
            "content_type": "image/webp",
            "bytes": 53112,
            "sha256": "9f" * 32,
            "url": f"http://127.0.0.1:8000/media/0198c0de-0000-7000-8000-000000000001/{name}",
            **more,
        }

    return make


@pytest.fixture
def reply() -> type[Reply]:
    """An answer with its status and headers."""
    return Reply
