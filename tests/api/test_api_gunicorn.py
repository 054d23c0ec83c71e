"""The API as it runs: what only a real server can show."""

import json
import os
import re
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from fixative.jobs.store import move
from fixative.media.files import LARGEST
from fixative.replicate.form import FileForm

pytestmark = pytest.mark.wide

WATCHING = Path(__file__).parents[2] / "docs" / "watching.md"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PREDICTION = {"id": "p1", "status": "succeeded", "created_at": "2026-01-01T12:00:00Z"}
BODY = {"model": "emu/image", "input": {}}


def gunicorn(environ, log, *options):
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0"]
    command += ["--config", "python:api.serving"]
    threads = ["--worker-class", "gthread", "--threads", "16", "--graceful-timeout", "1"]
    path = {"PATH": os.environ["PATH"], "PROMETHEUS_MULTIPROC_DIR": str(log.parent)}
    with log.open("w") as stderr:
        return subprocess.Popen(
            [*command, *threads, *options, "--no-control-socket", "api.wsgi:app"],
            env={**path, **environ},
            stderr=stderr,
        )


def listening(log):
    """Where it listens, once it does."""
    deadline = time.monotonic() + 120
    while not (found := re.search(r"Listening at: (http://\S+)", log.read_text())):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    return found[1]


@pytest.fixture(scope="module")
def start(environ, settings, tmp_path_factory):
    """Start a gunicorn, for which nobody answers at Redis; a client of it."""
    own = {"REDIS_URL": "redis://127.0.0.1:1/0", "REPLICATE_WEBHOOK_SECRET": SECRET}
    key = settings.fixative_admin_key.get_secret_value()

    @contextmanager
    def started():
        log = tmp_path_factory.mktemp("gunicorn") / "log"
        process = gunicorn({**environ, **own}, log)
        url = listening(log)
        with httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=30) as client:
            yield client
        process.terminate()
        assert process.wait(60) == 0

    return started


@pytest.fixture(scope="module")
def server(start):
    with start() as client:
        yield client


def test_a_submit_is_answered_quickly_while_redis_is_away(server):
    server.get("/healthz")

    def five():
        began = time.monotonic()
        assert [server.post("/jobs", json=BODY).status_code for _ in range(5)] == [202] * 5
        return time.monotonic() - began

    assert any(five() < 3 for _ in range(3))  # a machine may stall for once, and Redis stays away


def test_submits_and_webhooks_are_503_within_3_seconds_while_postgres_is_stopped(
    server, stopped_postgres, eventually
):
    def submit(number):
        headers = {"X-API-Key": f"fx_unknown_{number:035}"} if number % 3 == 0 else {}
        return server.post("/jobs", json=BODY, headers=headers)

    def webhook(number):
        body, name, now = json.dumps(PREDICTION), f"msg_{number}", datetime.now(UTC)
        signature = {
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(name, now, body),
        }
        return server.post("/webhook/replicate", content=body, headers=signature)

    assert (submit(1).status_code, webhook(1).status_code) == (202, 200)

    def slowest_of_many():
        asked = [threads.submit(do, n) for n in range(2, 62) for do in (submit, webhook)]
        answers = [one.result() for one in asked]
        assert {answer.status_code for answer in answers} == {503}
        kinds = {answer.headers["Content-Type"] for answer in answers}
        assert kinds == {"application/problem+json"}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        return max(answer.elapsed.total_seconds() for answer in answers)

    with stopped_postgres(), ThreadPoolExecutor(24) as threads:
        assert any(slowest_of_many() < 3 for _ in range(3))
    eventually(lambda: submit(1).status_code == 202)
    eventually(lambda: webhook(62).status_code == 200)


@pytest.mark.parametrize("path", ["/jobs", "/webhook/replicate"])
def test_a_body_of_unknown_length_is_413_when_it_grows_too_large(server, path, all_jobs):
    pieces = (b" " * 2**20 for _ in range(30))

    answer = server.post(path, content=pieces, headers={"Content-Type": "application/json"})

    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert server.get("/healthz").status_code == 200
    assert all_jobs() == []


@pytest.mark.parametrize(("key", "status"), [("right", 413), ("wrong", 401)])
def test_a_refusal_reaches_a_client_that_is_still_sending(server, key, status):
    headers = {"Content-Type": "application/json"}
    if key == "wrong":
        headers["X-API-Key"] = "fx_wrong"

    answer = server.post("/jobs", content=b" " * 30 * 2**20, headers=headers)

    assert answer.status_code == status


def test_metrics_are_those_of_all_workers(server):
    server.post("/jobs", json=BODY)

    assert "fixative_jobs_accepted_total" in server.get("/metrics").text


def test_a_wrong_setting_ends_the_start_with_one_line_that_names_it(environ, tmp_path):
    process = gunicorn({**environ, "FIXATIVE_ADMIN_KEY": "short"}, tmp_path / "log")

    assert process.wait(30) != 0
    lines = Path(tmp_path / "log").read_text().splitlines()
    assert sum("FIXATIVE_ADMIN_KEY" in line for line in lines) == 1
    assert not any("Traceback" in line for line in lines)


def test_wrong_models_end_the_start_with_one_line_that_names_them(environ, tmp_path):
    models = tmp_path / "models.json"
    models.write_text('{"models": {"a/b": {"max_seconds": 1}}}')
    process = gunicorn({**environ, "MODELS_CONFIG": str(models)}, tmp_path / "log")

    assert process.wait(30) != 0
    lines = Path(tmp_path / "log").read_text().splitlines()
    assert sum("MODELS_CONFIG: models.a/b.max_seconds" in line for line in lines) == 1
    assert not any("Traceback" in line for line in lines)


def test_every_process_follows_the_file_of_models_and_says_once_that_it_is_broken(
    environ, settings, tmp_path, eventually, request
):
    models, log = tmp_path / "models.json", tmp_path / "log"

    def write(text):  # as a careful editor does: whoever reads sees all of it or nothing
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").replace(models)

    write('{"models": {"a/first": {}}}')
    own = {**environ, "MODELS_CONFIG": str(models)}
    process = gunicorn(own, log, "--preload", "--workers", "2")
    request.addfinalizer(lambda: (process.terminate(), process.wait(60)))
    url = listening(log)
    key = {"X-API-Key": settings.fixative_admin_key.get_secret_value()}

    def told():  # over a connection of its own, so that either process may answer
        answer = httpx.get(f"{url}/models", headers=key, timeout=60)
        return [model["id"] for model in answer.json()["items"]]

    def both_said(event):
        shown = told()
        return log.read_text().count(event) == 2 and shown

    write('{"models": ')
    assert eventually(lambda: both_said("models_config_broken")) == ["a/first"]
    assert "fixative_models_config_broken 1.0" in httpx.get(f"{url}/metrics").text
    write('{"models": {"a/second": {}}}')
    assert eventually(lambda: both_said("models_config_mended")) == ["a/second"]
    assert log.read_text().count("models_config_broken") == 2
    assert "fixative_models_config_broken 0.0" in httpx.get(f"{url}/metrics").text


def test_a_file_of_untold_length_is_taken_and_one_too_large_learns_why(server):
    def zeros(size):
        form = FileForm("zeros.bin", "application/octet-stream", size)
        pieces = (bytes(min(2**20, size - at)) for at in range(0, size, 2**20))
        headers = {"Content-Type": form.headers["Content-Type"]}
        return server.post("/files", content=form.around(pieces), headers=headers)

    taken = zeros(20 * 2**20)
    assert (taken.status_code, taken.json()["bytes"]) == (201, 20 * 2**20)
    assert len(server.get(taken.json()["url"]).content) == 20 * 2**20
    assert zeros(LARGEST + 1).status_code == 413


def test_a_revoked_key_opens_nothing_anywhere_after_five_seconds(server, start, eventually):
    made = server.post("/admin/keys", json={"owner": "gallery"}).json()
    key = {"X-API-Key": made["key"]}
    opened_at = []

    def all_refuse():
        for client in (server, other):
            began = time.monotonic()
            if client.get("/jobs", headers=key).status_code == 200:
                opened_at.append(began)
                return False
        return True

    with start() as other:
        assert [client.get("/jobs", headers=key).status_code for client in (server, other)] == [
            200,
            200,
        ]
        server.post(f"/admin/keys/{made['id']}/revoke").raise_for_status()
        revoked_at = time.monotonic()
        eventually(all_refuse)

    assert all(began - revoked_at < 5 for began in opened_at)


def test_streams_and_waits_end_well_when_the_server_is_to_end(environ, settings, tmp_path, request):
    """Long before they would be cut off, which is what the graceful time is for."""
    process = gunicorn(environ, tmp_path / "log", "--graceful-timeout", "60")
    request.addfinalizer(process.kill)
    key = {"X-API-Key": settings.fixative_admin_key.get_secret_value()}
    with (
        httpx.Client(base_url=listening(tmp_path / "log"), headers=key, timeout=30) as client,
        ThreadPoolExecutor(1) as threads,
        client.stream("GET", "/events") as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines).startswith("retry: ")
        waiting = threads.submit(client.post, "/jobs", json=BODY, headers={"Prefer": "wait=60"})
        while next(lines) != "event: status":
            pass  # the job is there: its submitter waits

        process.terminate()

        assert not [line for line in lines if line.startswith("event:")]
        assert waiting.result(30).status_code == 202
    assert process.wait(30) == 0


def test_a_client_that_goes_away_leaves_its_place(server, eventually):
    def open_streams(count):
        with ExitStack() as closing:
            streams = [server.stream("GET", "/events") for _ in range(count)]
            return [closing.enter_context(stream).status_code for stream in streams]

    # There are 16 threads: as many streams that nobody reads would leave none to anybody.
    assert open_streams(12) == [200] * 12
    server.post("/jobs", json=BODY)  # so that something is written to those who are gone
    eventually(lambda: server.post("/jobs", json=BODY) and open_streams(12) == [200] * 12)


def test_the_documented_follower_loses_nothing_when_the_server_is_killed_under_it(
    environ, settings, tmp_path, request, database, eventually
):
    [example] = re.findall(r"```python\n(.*?)```", WATCHING.read_text(), re.DOTALL)
    exec(example, documented := {})
    key = settings.fixative_admin_key.get_secret_value()

    def started(log, *options):
        process = gunicorn(environ, log, *options)
        request.addfinalizer(lambda: (process.kill(), process.wait(60)))
        return process, listening(log)

    process, url = started(tmp_path / "first")
    moves = documented["moves"](url, key)
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(next, moves)

        def heard():
            answer = httpx.post(f"{url}/jobs", json=BODY, headers={"X-API-Key": key}, timeout=30)
            answer.raise_for_status()
            return first.done()

        eventually(heard)
    job_id = first.result()["id"]
    process.kill()
    process.wait(60)
    with database.begin() as session:
        move(session, uuid.UUID(job_id), "canceled", cause="api")
    started(tmp_path / "second", "--bind", url.removeprefix("http://"))

    told = next(each for each in moves if each["id"] == job_id)
    assert (told["status"], told["from"]) == ("canceled", "queued")
    moves.close()


LARGE_HEADS = {
    "a line": ("/healthz?" + "a" * 4094, {}),
    "a header": ("/healthz", {"X-Long": "a" * 9000}),
    "headers": ("/healthz", {f"X-{number}": "a" for number in range(101)}),
}


@pytest.mark.parametrize(("path", "headers"), LARGE_HEADS.values(), ids=LARGE_HEADS)
def test_headers_beyond_what_anybody_needs_are_refused(server, path, headers):
    assert server.get(path, headers=headers).status_code in {400, 414, 431}
    assert server.get("/healthz").status_code == 200
