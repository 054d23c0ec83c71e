"""A worker's row, kept by threads of its own, and the canaries sent to its queue."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from celery.utils.nodenames import worker_direct
from redis import Redis
from sqlalchemy import select

from fixative.postgres import presence
from fixative.postgres.operation_tables import Epoch
from fixative.settings import load_settings
from worker.presence import Presence
from worker.services import Services

ROOT = Path(__file__).parents[2]
NAME = "worker-io@here"
SEND = """
from fixative.settings import load_settings
from worker.presence import send_canaries
from worker.services import Services

services = Services(load_settings(), connections=2)
send_canaries(services)
services.close()
"""


@pytest.fixture
def live(database):
    def names():
        with database.begin() as session:
            return presence.live(session)

    return names


@pytest.fixture(autouse=True)
def _no_thread_outlives_its_test(services, eventually):
    """In a worker the process ends; here its connections are to be closed."""
    before = set(threading.enumerate())
    yield
    eventually(lambda: not any(t.daemon for t in set(threading.enumerate()) - before))


@pytest.fixture
def send_due_canaries(environ):
    """What the sweep does, in a process: Celery's settings are read once in each."""

    def run(**changed):
        environment = {**os.environ, **environ, **changed}
        subprocess.run([sys.executable, "-c", SEND], env=environment, cwd=ROOT, check=True)

    return run


def test_a_worker_is_live_from_its_beginning_to_its_end_and_leaves_a_raised_epoch(
    services, database, live, eventually
):
    def epoch():
        with database.begin() as session:
            return session.scalar(select(Epoch.number)) or 0

    worker = Presence(NAME, database, services.epoch, lambda: False)
    worker.begin()
    eventually(lambda: live() == [NAME])
    before = eventually(epoch)

    worker.end()

    eventually(lambda: live() == [])
    eventually(lambda: epoch() > before)


def test_a_worker_whose_hands_are_full_is_not_deaf(database, live, monkeypatch, tmp_path):
    monkeypatch.setenv("FIXATIVE_HEARD_FILE", str(tmp_path / "heard"))
    worker = Presence(NAME, database, None, lambda: True)
    with database.begin() as session:
        presence.appear(session, NAME, 1)
        presence.canary_sent(session, [NAME])

    worker._appear()

    with database.begin() as session:
        assert presence.lateness(session) == {NAME: 0}
    assert (tmp_path / "heard").exists()


def test_a_worker_ends_in_time_when_postgres_and_the_bucket_are_away(environ):
    away = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "S3_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    services = Services(load_settings({**environ, **away}), connections=2)
    worker = Presence(NAME, services.database, services.epoch, lambda: False)
    worker.begin()
    began = time.monotonic()

    worker.end()

    assert time.monotonic() - began < 4
    services.close()


def test_a_worker_ends_in_time_when_postgres_is_silent(
    services, database, stopped_postgres, live, eventually
):
    worker = Presence(NAME, database, services.epoch, lambda: False)
    worker.begin()
    eventually(lambda: live() == [NAME])
    with stopped_postgres():
        began = time.monotonic()
        worker.end()
        took = time.monotonic() - began
    assert took < 4


def test_canaries_that_redis_took_are_noted_and_stand_in_the_workers_own_queue(
    send_due_canaries, database, settings
):
    with database.begin() as session:
        presence.appear(session, NAME, 1)

    send_due_canaries()
    send_due_canaries()  # none is due

    redis = Redis.from_url(settings.redis_url.get_secret_value())
    queue = f"fixative:{worker_direct(NAME).name}"
    assert redis.llen(queue) == 1
    assert redis.ttl(queue) > 0  # of a worker that is no more, it goes by itself
    redis.close()
    with database.begin() as session:
        assert presence.awaiting_canary(session) == []


def test_a_canary_that_redis_did_not_take_counts_as_not_sent(send_due_canaries, database):
    with database.begin() as session:
        presence.appear(session, NAME, 1)

    send_due_canaries(REDIS_URL="redis://127.0.0.1:1/0")

    with database.begin() as session:
        assert presence.awaiting_canary(session) == [NAME]
