"""What takes minutes with Replicate's own clients: deletion, unheard creates, a crowd."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_hex
from statistics import median

import httpx
import orjson
import pytest
from standardwebhooks import Webhook

from fixative.jobs.short_ids import read_id
from tests.clients.client import COMMANDS

pytestmark = pytest.mark.soak
FLUX = "black-forest-labs/flux-schnell"
VIDEO = "minimax/video-01"
ECHO = "emulator/echo"
SLEEP = "emulator/sleep"
RUNS = 300
CROWD = {"python1": 67, "python2": 67, "javascript": 66}  # a Python client has 100 connections
LONG = 45  # seconds: all are there before the first has ended, who is told within his minute
SLOWER = 5  # generous: what matters is that nobody queues behind who waits
MEASURED = 50


@pytest.fixture
def control(system):
    """The local Replicate's answer to a look."""

    def ask(path):
        by = {"Authorization": "Bearer r8_any"}
        return httpx.get(system.run["replicate_url"] + path, headers=by).raise_for_status().json()

    return ask


@pytest.fixture
def configured(system, control):
    """Settings of the local Replicate, for a block."""

    @contextmanager
    def settings(**changes) -> Iterator[None]:
        before = control("/_emulator/config")
        system.configure(**changes)
        try:
            yield
        finally:
            system.configure(**{name: before[name] for name in changes})

    return settings


def test_outputs_read_right_after_replicate_has_deleted_its_own(
    client, system, control, configured, expected, eventually
):
    with configured(retention_seconds=5):
        made = [
            client("create", model=FLUX, input={"prompt": "kept", "num_outputs": 3}),
            client("create", model=VIDEO, input={"prompt": "kept"}),
        ]
        ended = [client("wait", id=prediction["id"]) for prediction in made]
        for prediction in ended:
            there = system.job(str(read_id(prediction["id"])))["prediction"]["id"]
            eventually(lambda there=there: control(f"/v1/predictions/{there}")["data_removed"])

    for prediction in ended:
        output = client("get", id=prediction["id"])["output"]
        urls = output if isinstance(output, list) else [output]
        read = [client("read", url=url)["sha256"] for url in urls]
        assert read == expected(urls[0])


def test_of_300_runs_none_is_doubled_though_many_creates_go_unheard(client, control, configured):
    run = token_hex(4)  # inputs that nobody else has
    inputs = [{"value": f"{run} {number}"} for number in range(RUNS)]

    with configured(faults={"create_then_500": 0.2, "create_then_reset": 0.2}):
        answers = client("many", ref=ECHO, inputs=inputs, threads=30)

    assert answers == [{"gave": input_["value"]} for input_ in inputs]
    creates = control("/_emulator/stats")["creates"]["by_input"]
    assert [creates.get(digest(input_), 0) for input_ in inputs] == [1] * RUNS


def test_200_who_wait_hold_up_nobody(system, start_client, control, eventually):
    clients = [start_client(name) for name in COMMANDS]
    known = system.ended(system.submit(ECHO, value="known"))["prediction"]["id"]
    body = orjson.dumps(control(f"/v1/predictions/{known}"))
    secret = control("/_emulator/config")["webhook_secret"]

    def tell():
        message, now = f"msg_{token_hex(8)}", datetime.now(UTC)
        signature = Webhook(secret).sign(message, now, body.decode())
        headers = {
            "webhook-id": message,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }
        system.api.post("/webhook/replicate", content=body, headers=headers).raise_for_status()

    asked = {
        "a webhook": tell,
        "health": lambda: system.api.get("/healthz").raise_for_status(),
        "a submit": lambda: system.submit(ECHO, value="quick"),
    }

    def measured():
        rounds = [[seconds(ask) for ask in asked.values()] for _ in range(MEASURED)]
        return dict(zip(asked, map(median, zip(*rounds, strict=True)), strict=True))

    def running():
        by_status = control("/_emulator/stats")["creates"]["by_status"]
        return by_status.get("processing", 0) >= sum(CROWD.values())

    def crowd(client):
        inputs = [{"seconds": LONG}] * CROWD[client.name]
        return client("many", ref=SLEEP, inputs=inputs, threads=len(inputs))

    alone = measured()
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(crowd, client) for client in clients]
        eventually(running)
        beside = measured()
        assert not any(answers.done() for answers in waiting)
        returned = [answer for answers in waiting for answer in answers.result()]

    assert len(returned) == sum(CROWD.values())
    assert all("gave" in answer for answer in returned), returned
    slower = {name: beside[name] / alone[name] for name in asked}
    print(f"seconds alone {alone}, beside {len(returned)} who wait {beside}")
    assert max(slower.values()) < SLOWER, (alone, beside)


def digest(input_):
    """As the local Replicate counts inputs."""
    return sha256(orjson.dumps(input_, option=orjson.OPT_SORT_KEYS)).hexdigest()


def seconds(ask):
    began = time.monotonic()
    ask()
    return time.monotonic() - began
