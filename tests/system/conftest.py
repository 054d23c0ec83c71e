"""The whole system as a user runs it: `fixative up`, spoken to over REST only."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import httpx
import psycopg
import pytest

from tests.listening import Listener, listening
from tests.system import following
from tests.system.following import Followed
from tests.waiting import waited_for

HERE = Path(__file__).parent
ENDED = {"succeeded", "failed", "canceled"}
PATIENCE = 90.0
SLOW = 10.0  # generous: what is away stays so until the block ends, and who waits for it waits on
STALLED = 60.0  # seconds that the machine may take for what is done at once
OURS = ("REPLICATE_", "FIXATIVE_", "DATABASE_", "REDIS_", "S3_", "AWS_")
SETTINGS = {
    "FIXATIVE_POLL_SECONDS": "2",
    "FIXATIVE_CREATES_PER_MINUTE": "6000",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that runs a whole system is for `make wide`, but for what is marked as `core`."""
    for item in items:
        if item.path.parent == HERE and item.get_closest_marker("core") is None:
            item.add_marker(pytest.mark.wide)


class ReadsAgain(httpx.HTTPTransport):
    """Reads again what is answered 503, as that answer asks: a disk may stall for seconds.

    But not what tells whether all is well.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The first answer that is none of that, or the last within patience."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = super().handle_request(request)
            told = request.method != "GET" or request.url.path == "/readyz"
            if told or answer.status_code != 503 or time.monotonic() > deadline:
                return answer
            answer.close()
            time.sleep(0.5)


class System:
    """One running `fixative up`, and what a test does to it."""

    def __init__(self, data_dir: Path, *options: str, **environ: str) -> None:
        self.data_dir = data_dir
        clean = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
        self.environ = {**clean, **SETTINGS, **environ}
        self.program = str(Path(sys.executable).with_name("fixative"))
        self.process = subprocess.Popen(
            [
                self.program,
                "up",
                "--port",
                "0",
                "--data-dir",
                str(data_dir),
                *options,
            ],
            cwd=data_dir.parent,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready "), line + self.process.communicate()[1]
        headers = {"Authorization": f"Bearer {self.run['admin_key']}"}
        self.api = httpx.Client(
            base_url=self.run["api_url"], headers=headers, timeout=30, transport=ReadsAgain()
        )

    @property
    def run(self) -> dict[str, Any]:
        return json.loads((self.data_dir / "run.json").read_text())

    @property
    def pids(self) -> dict[str, int]:
        return {process["role"]: process["pid"] for process in self.run["processes"]}

    def configure(self, **config: Any) -> None:
        url = f"{self.run['replicate_url']}/_emulator/config"
        httpx.post(url, json=config, timeout=STALLED).raise_for_status()

    def creates_of(self, job_ids: list[str]) -> set[int]:
        """How often predictions were made for these jobs."""
        url = f"{self.run['replicate_url']}/_emulator/stats"
        stats = httpx.get(url, timeout=STALLED).json()
        return {stats["creates"]["by_job"].get(job_id, 0) for job_id in job_ids}

    def submit(self, model: str = "black-forest-labs/flux-schnell", **input_: Any) -> str:
        """Submit as a patient client does."""
        prompt = input_ or {"prompt": "a cat"}
        return self.hand_in({"model": model, "input": prompt, "job_type": "image"})

    def hand_in(self, body: dict[str, Any]) -> str:
        """Submit this, and again while nobody answers; the job's id."""
        key = {"Idempotency-Key": os.urandom(8).hex()}
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = self.api.post("/jobs", json=body, headers=key)
            except httpx.TransportError:
                time.sleep(0.2)
                continue
            if answer.status_code in {200, 202}:
                return answer.json()["id"]
            assert answer.status_code == 503, answer.text
            time.sleep(0.2)
        raise AssertionError("nobody took the job")

    def submit_quickly(self) -> str:
        """Submit, and see that nobody was waited for."""
        began = time.monotonic()
        job_id = self.submit()
        assert time.monotonic() - began < SLOW
        return job_id

    def job(self, job_id: str) -> dict[str, Any]:
        return self.api.get(f"/jobs/{job_id}").raise_for_status().json()

    def ended(self, job_id: str, patience: float = PATIENCE) -> dict[str, Any]:
        return self.all_ended([job_id], patience)[0]

    def all_ended(self, job_ids: list[str], patience: float = PATIENCE) -> list[dict[str, Any]]:
        """Every job, once all have ended."""
        deadline = time.monotonic() + patience
        waiting, ended = list(job_ids), {}
        while waiting:
            job_id = waiting[-1]
            try:
                job = self.job(job_id)
            except (httpx.TransportError, httpx.HTTPStatusError):
                job = {"status": "nobody answers"}
            if job["status"] in ENDED:
                ended[waiting.pop()] = job
                continue
            assert time.monotonic() < deadline, f"{job_id} is {job}"
            time.sleep(0.1)
        return [ended[job_id] for job_id in job_ids]

    def timeline(self, job_id: str) -> list[dict[str, Any]]:
        return self.api.get(f"/jobs/{job_id}/timeline").raise_for_status().json()["items"]

    def assert_stored(self, job: dict[str, Any]) -> None:
        """Every original is in the bucket, byte for byte as the local Replicate served it."""
        url = f"{self.run['replicate_url']}/_emulator/expected/{job['prediction']['id']}"
        told = httpx.get(url, timeout=STALLED).raise_for_status().json()
        expected = [item["sha256"] for item in told]
        originals = [media for media in job["media"] if media["role"] == "original"]
        assert [media["sha256"] for media in originals] == expected
        for media in originals:
            assert sha256(self.object(job["id"], media["name"])).hexdigest() == media["sha256"]

    def object(self, job_id: str, name: str) -> bytes:
        [found] = [o for o in self.objects() if o.endswith(f"{job_id}/{name}")]
        return self.content(found)

    def content(self, key: str) -> bytes:
        with self._s3().get_object(Bucket=self.run["s3"]["bucket"], Key=key)["Body"] as body:
            return body.read()

    def objects(self) -> list[str]:
        pages = (
            self._s3().get_paginator("list_objects_v2").paginate(Bucket=self.run["s3"]["bucket"])
        )
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def kill(self, role: str, sign: int = signal.SIGKILL) -> None:
        os.kill(self.pids[role], sign)

    @contextmanager
    def refusing(self, role: str) -> Iterator[None]:
        """The role is dead; so that it stays dead, the supervisor sleeps."""
        self.process.send_signal(signal.SIGSTOP)
        self.kill(role)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    @contextmanager
    def hanging(self, role: str) -> Iterator[None]:
        """The role takes connections and answers nothing."""
        self.kill(role, signal.SIGSTOP)
        try:
            yield
        finally:
            self.kill(role, signal.SIGCONT)

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """`fixative …` on this system, begun."""
        return subprocess.Popen(
            [self.program, *arguments, "--data-dir", self.data_dir],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fixative(self, *arguments: str) -> str:
        """What `fixative …` on this system prints; it must succeed."""
        process = self.command(*arguments)
        out, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, out + errors
        return out

    def stop(self) -> int:
        """End it as a user does; its exit code."""
        self.api.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=2 * STALLED)
        return self.process.returncode

    @cache  # noqa: B019 - there are few systems, and to make a client costs more than its answers
    def _s3(self) -> Any:
        at = self.run["s3"]
        return boto3.client(
            "s3",
            endpoint_url=at["endpoint_url"],
            region_name=at["region"],
            aws_access_key_id=at["access_key"],
            aws_secret_access_key=at["secret_key"],
        )


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """The same as everywhere, at leisure: to look takes the time of what is waited for."""
    return partial(waited_for, pause=0.2)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., System]]:
    """Start a system (again, on the same data); it is stopped when the test ends."""
    started: list[System] = []

    def run(*options: str, **environ: str) -> System:
        started.append(System(tmp_path / ".fixative", *options, **environ))
        return started[-1]

    yield run
    for system in started:
        system.stop()


@contextmanager
def a_replicate() -> Iterator[str]:
    """A local Replicate; its origin."""
    command = [sys.executable, "-m", "replicate_emulator", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found, "the local Replicate did not start"
    latency = {"*": {"start": 0.05, "run": 0.5}}
    config = f"{found[0]}/_emulator/config"
    httpx.post(config, json={"latency": latency}, timeout=STALLED).raise_for_status()
    yield found[0]
    process.terminate()
    process.wait(STALLED)
    process.stdout.close()


@pytest.fixture
def replicate() -> Iterator[str]:
    """A local Replicate that outlives the system's restart; its origin."""
    with a_replicate() as origin:
        yield origin


@pytest.fixture
def another_replicate() -> Iterator[str]:
    """What a token of another account opens: other predictions, another webhook secret."""
    with a_replicate() as origin:
        other = {
            "account": "another",
            "webhook_secret": "whsec_YW5vdGhlciBhY2NvdW50J3Mgb3duIHNlY3JldA==",
        }
        httpx.post(f"{origin}/_emulator/config", json=other).raise_for_status()
        yield origin


@pytest.fixture
def outside(replicate: str) -> dict[str, str]:
    """The variables of a system whose Replicate outlives it, and is not what it waits for."""
    config = {"creates_per_minute": 60000}
    httpx.post(f"{replicate}/_emulator/config", json=config).raise_for_status()
    return {
        "REPLICATE_API_TOKEN": "r8_any",
        "REPLICATE_BASE_URL": replicate,
        "FIXATIVE_ALLOWED_OUTPUT_HOSTS": replicate,
        "FIXATIVE_CREATES_PER_MINUTE": "60000",
    }


@pytest.fixture
def follow(start: Callable[..., System]) -> Callable[..., Followed]:
    """Do what a runbook says to a running system: see `follow`."""
    return partial(following.follow, start)


@pytest.fixture(scope="session")
def subscribers() -> Iterator[list[Listener]]:
    """Whom the shared system may call, on this machine."""
    with ExitStack() as started:
        yield [started.enter_context(listening()) for _ in range(3)]


@pytest.fixture(scope="session")
def system(
    tmp_path_factory: pytest.TempPathFactory, subscribers: list[Listener]
) -> Iterator[System]:
    """One system for all tests that leave it running."""
    hosts = ",".join(subscriber.origin for subscriber in subscribers)
    data_dir = tmp_path_factory.mktemp("system") / "data"
    running = System(data_dir, FIXATIVE_ALLOWED_WEBHOOK_HOSTS=hosts)
    yield running
    running.stop()


@pytest.fixture
def query(system: System) -> Callable[..., list[Any]]:
    """Ask the shared system's database."""

    def ask(statement: str, *parameters: Any) -> list[Any]:
        url = system.run["database_url"].replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    return ask


@pytest.fixture(autouse=True)
def _no_faults(request: pytest.FixtureRequest) -> None:
    """Every test of a shared system begins without the faults of the one before."""
    if "system" in request.fixturenames:
        running = request.getfixturevalue("system")
        url = f"{running.run['replicate_url']}/_emulator/config"
        faults = httpx.get(url, timeout=STALLED).json()["faults"]
        latency = {"*": {"start": 0.05, "run": 0.3}}
        running.configure(
            faults=dict.fromkeys(faults, 0), latency=latency, creates_per_minute=60000
        )
