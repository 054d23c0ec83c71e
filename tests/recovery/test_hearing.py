"""The judge: on real rows, files and servers; the thresholds are arguments."""

import os
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, update

from fixative.errors import DatabaseAway
from fixative.local.listener import Listener
from fixative.local.program import Running
from fixative.postgres import presence
from fixative.postgres.engine import Database
from fixative.postgres.operation_tables import WorkerProcess
from fixative.recovery.hearing import why_deaf
from fixative.shared import connect

ROOT = Path(__file__).parents[2]
HOST = socket.gethostname()
IO, STORE = f"worker-io@{HOST}", f"worker-store@{HOST}"
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/none"


@pytest.fixture
def sent(database):
    """Redis took a canary for this worker, so many seconds ago."""

    def canary(worker, seconds_ago=0.0):
        with database.begin() as session:
            presence.appear(session, worker, 1)
            ago = func.now() - timedelta(seconds=seconds_ago)
            row = update(WorkerProcess).where(WorkerProcess.name == worker)
            session.execute(row.values(canary_sent_at=ago))

    return canary


@pytest.fixture
def silent_for(tmp_path):
    """The file of a worker that heard something so many seconds ago."""

    def touched(role, seconds):
        file = tmp_path / role
        file.touch()
        at = time.time() - seconds
        os.utime(file, (at, at))
        return file

    return touched


@pytest.fixture
def listener(tmp_path, database, settings):
    redis = connect(settings.redis_url.get_secret_value())
    made = Listener(tmp_path, database, redis, say=pytest.fail)
    old = time.time() - 1000
    made.running = {"worker-store": Running(11, old), "worker-io": Running(12, old)}
    yield made
    redis.close()


def judged(worker, silence, database, redis=1000.0, **more):
    return why_deaf(
        worker, time.time() - silence, database=database, redis_answers_for=redis, **more
    )


def test_who_heard_nothing_since_ninety_seconds_before_its_last_canary_is_deaf(database, sent):
    assert judged(STORE, 500, database) is None  # no canary: nothing was to be heard
    sent(STORE)
    assert judged(STORE, 80, database) is None
    assert judged(STORE, 100, database) == "its last canary came 100 s after what it last heard"
    assert judged(STORE, 100, database, patience=120) is None
    sent(STORE, seconds_ago=200)
    assert judged(STORE, 250, database) is None


def test_who_sends_the_canaries_is_judged_by_its_ticks_while_redis_answers(database, sent):
    sent(IO)
    assert judged(IO, 80, database) is None
    assert judged(IO, 100, database) == "no tick heard for 100 s, while Redis answers"
    assert judged(IO, 100, database, redis=80) is None


def test_while_postgres_is_away_nobody_is_judged_by_canaries(sent, silent_for, tmp_path, settings):
    away = Database(NOWHERE, connections=1, patience=3)
    with pytest.raises(DatabaseAway):
        judged(STORE, 1000, away)
    assert judged(IO, 1000, away)

    silent_for("worker-store", 1000)
    redis = connect(settings.redis_url.get_secret_value())
    listener = Listener(tmp_path, away, redis, say=pytest.fail)
    listener.running = {"worker-store": Running(11, 0)}
    listener.look()
    redis.close()
    assert listener.deaf == ()


def test_the_supervisors_ear_names_the_process_that_is_deaf_and_why(listener, sent, silent_for):
    sent(STORE)
    silent_for("worker-store", 100)
    silent_for("worker-io", 100)

    listener.look()

    [deaf] = listener.deaf  # worker-io: Redis has answered for no more than this moment
    assert (deaf.role, deaf.pid) == ("worker-store", 11)
    assert "100 s" in deaf.reason

    silent_for("worker-store", 10)
    listener.look()
    assert listener.deaf == ()


def test_a_process_that_has_just_begun_is_not_judged_by_what_the_last_one_heard(
    listener, sent, silent_for
):
    sent(STORE)
    silent_for("worker-store", 500)
    listener.running = {"worker-store": Running(13, time.time() - 5)}

    listener.look()

    assert listener.deaf == ()


def test_worker_io_is_deaf_once_redis_has_answered_for_long_enough(
    tmp_path, database, settings, silent_for, eventually
):
    redis = connect(settings.redis_url.get_secret_value())
    listener = Listener(tmp_path, database, redis, say=pytest.fail, patience=0.3)
    listener.running = {"worker-io": Running(12, 0)}
    silent_for("worker-io", 100)

    def found():
        listener.look()
        return listener.deaf

    assert found() == ()
    [deaf] = eventually(found)
    assert (deaf.role, deaf.pid) == ("worker-io", 12)
    redis.close()


@pytest.mark.parametrize(("silence", "code"), [(100, 1), (10, 0), (None, 1)])
def test_the_probe_of_a_container_exits_with_a_line_when_its_worker_is_deaf(
    environ, sent, silent_for, tmp_path, silence, code
):
    sent(STORE)
    if silence:
        silent_for("worker-store", silence)
    heard = {"ROLE": "worker-store", "FIXATIVE_HEARD_FILE": str(tmp_path / "worker-store")}

    run = subprocess.run(
        [sys.executable, "-m", "worker.probe"],
        env={**os.environ, **environ, **heard},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stderr.count("\n")) == (code, code), run.stderr
    assert run.stdout == ""
