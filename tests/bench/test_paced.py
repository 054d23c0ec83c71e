"""The driver of a paced load, before a server that answers as it is told."""

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.paced import Connection, Load, Target
from tests.served import served
from tests.waiting import waited_for

ROOT = Path(__file__).parents[2]
JOB = {"created_at": "2026-01-02T03:04:05Z", "completed_at": None}


class Api(ThreadingHTTPServer):
    """Takes jobs: what it answers is `told`, by the number of the request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.keys: list[str] = []
        self.told: dict[int, int | None] = {}  # a status; None: no answer, and it is closed


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: Api

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.keys.append(self.headers["Idempotency-Key"])
        status = self.server.told.get(len(self.server.keys), 202)
        if status is None:
            self.close_connection = True
            return
        self._answer(status, {**JOB, "id": f"job-{len(self.server.keys)}"})

    def do_GET(self) -> None:
        ended = {"status": "succeeded", "completed_at": "2026-01-02T03:04:07Z"}
        items = [{**JOB, "id": "job-1", **ended}, {**JOB, "id": "job-2", "status": "storing"}]
        self._answer(200, {"items": items, "next": None})

    def _answer(self, status, body):
        answer = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def api():
    with served(Api()) as server:
        yield server


@pytest.fixture
def load(api):
    """A load over one connection, so that its requests come one after another."""
    target = Target(f"http://127.0.0.1:{api.server_port}", "a key", {"input": {}})
    return Load(target, 100, connections=1)


def hand_in(load, at_least):
    with load.running():
        waited_for(lambda: len(load.handed) >= at_least, pause=0.01)


def test_a_job_is_sent_again_under_its_key_when_its_kept_connection_was_closed(api, load):
    api.told[2] = None

    hand_in(load, 3)

    assert load.problems == []
    assert [each.again for each in load.handed[:3]] == [False, True, False]
    assert api.keys[1] == api.keys[2]


def test_a_new_connection_that_gives_no_answer_is_a_problem(api, load):
    api.told[1] = None

    hand_in(load, 2)

    [problem] = load.problems
    assert "RemoteDisconnected" in problem


@pytest.mark.parametrize("status", [503, 200])
def test_any_answer_but_accepted_is_a_problem(api, load, status):
    api.told[2] = status

    hand_in(load, 3)

    [problem] = load.problems
    assert problem.startswith(f"{status}: ")


def test_an_end_is_learnt_from_the_list_and_timed_by_the_system_s_own_clock(api, load):
    hand_in(load, 2)
    connection = Connection(load.target)
    load.look(connection)
    connection.close()

    assert load.ended == {"job-1": ("succeeded", 2.0)}
    assert "job-2" in {each.job_id for each in load.open}


@pytest.mark.wide
@pytest.mark.timeout(400)
def test_a_load_on_a_system_of_its_own_ends_well():
    command = [sys.executable, "-m", "bench.live", "--rate", "2", "--seconds", "5"]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=350, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 errors" in run.stdout.splitlines()[-1]
    assert "0 still open" in run.stdout.splitlines()[-1]


def test_a_running_system_is_not_loaded_without_its_key_and_a_job():
    command = [sys.executable, "-m", "bench.live", "--url", "http://127.0.0.1:1"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert run.returncode == 2
    assert "--body" in run.stderr
