"""The judge: on real rows, files and servers; the thresholds are arguments."""

import os
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import func, update

from fixative.errors import DatabaseAway
from fixative.local.listener import Listener
from fixative.local.program import Running
from fixative.names import KEY_PREFIX, UPKEEP
from fixative.postgres import presence
from fixative.postgres.engine import Database
from fixative.postgres.operation_tables import WorkerProcess
from fixative.recovery.hearing import why_deaf
from fixative.shared import connect
from worker.deafness import end_if_it_lasts
from worker.probe import LATELY_SECONDS

ROOT = Path(__file__).parents[2]
HOST = socket.gethostname()
IO, STORE = f"worker-io@{HOST}", f"worker-store@{HOST}"
TICKS = f"{KEY_PREFIX}{UPKEEP}"
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
def listener(tmp_path, database, redis):
    made = Listener(tmp_path, database, redis, say=pytest.fail, hold=0.2)
    old = time.time() - 1000
    made.running = {"worker-store": Running(11, old), "worker-io": Running(12, old)}
    return made


@pytest.fixture
def redis(settings):
    """Redis without a tick that waits."""
    with connect(settings.redis_url.get_secret_value()) as client:
        yield client


@pytest.fixture
def judged(database, redis):
    def judge(worker, silence, **more):
        parts = {"database": database, "redis": redis, **more}
        return why_deaf(worker, time.time() - silence, **parts)

    return judge


def test_who_heard_nothing_since_ninety_seconds_before_its_last_canary_is_deaf(judged, sent):
    assert judged(STORE, 500) is None  # no canary: nothing was to be heard
    sent(STORE)
    assert judged(STORE, 80) is None
    assert judged(STORE, 100) == "its last canary came 100 s after what it last heard"
    assert judged(STORE, 100, patience=120) is None
    sent(STORE, seconds_ago=200)
    assert judged(STORE, 250) is None


def test_who_sends_the_canaries_is_judged_by_the_ticks_that_wait_for_it(judged, redis):
    assert judged(IO, 100) is None  # beat may be away
    redis.rpush(TICKS, "a tick")
    assert judged(IO, 80) is None
    assert judged(IO, 100) == "no tick heard for 100 s, while 1 wait"
    assert judged(STORE, 100) is None


def test_of_several_senders_one_that_is_deaf_is_found_by_a_canary_of_another(judged, sent):
    sent(IO)
    assert judged(IO, 100) == "its last canary came 100 s after what it last heard"


def test_while_redis_is_away_nobody_is_judged(judged, sent):
    sent(STORE)
    assert judged(STORE, 100, redis=Redis(port=1, retry=None)) is None


def test_while_postgres_is_away_nobody_is_judged_by_canaries(
    judged, redis, sent, silent_for, tmp_path
):
    away = Database(NOWHERE, connections=1, patience=3)
    with pytest.raises(DatabaseAway):
        judged(STORE, 1000, database=away)
    redis.rpush(TICKS, "a tick")
    assert judged(IO, 1000, database=away)

    silent_for("worker-store", 1000)
    listener = Listener(tmp_path, away, redis, say=pytest.fail, hold=0)
    listener.running = {"worker-store": Running(11, 0)}
    listener.look()
    assert listener.deaf == ()


def test_the_supervisors_ear_names_the_process_that_is_deaf_and_why(listener, sent, silent_for):
    sent(STORE)
    silent_for("worker-store", 100)
    silent_for("worker-io", 100)

    listener.look()
    listener.look()
    assert listener.deaf == ()  # it may only be late

    time.sleep(0.3)
    listener.look()
    [deaf] = listener.deaf  # no tick waits for worker-io
    assert (deaf.role, deaf.pid) == ("worker-store", 11)
    assert "100 s" in deaf.reason

    silent_for("worker-store", 10)
    listener.look()
    assert listener.deaf == ()
    silent_for("worker-store", 100)
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


def test_the_probe_of_a_worker_that_heard_something_lately_asks_nobody_and_forgets_what_it_held(
    environ, silent_for, tmp_path
):
    silent_for("worker-store", LATELY_SECONDS - 20)
    mark = tmp_path / "worker-store.deaf"
    mark.touch()
    code = """
import runpy, sys
runpy.run_module("worker.probe", run_name="__main__")
assert not {"redis", "sqlalchemy", "pydantic"} & set(sys.modules)
"""
    heard = {"ROLE": "worker-store", "FIXATIVE_HEARD_FILE": str(tmp_path / "worker-store")}

    subprocess.run([sys.executable, "-c", code], env={**os.environ, **heard}, cwd=ROOT, check=True)

    assert not mark.exists()
    assert LATELY_SECONDS < presence.DEAF_SECONDS


@pytest.mark.parametrize("lasts", [True, False])
def test_the_probe_kills_a_worker_only_once_it_has_been_deaf_for_a_while(tmp_path, lasts):
    file, mark = tmp_path / "heard", tmp_path / "deaf"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as worker:
        file.write_text(str(worker.pid))
        end_if_it_lasts(file, mark, deaf=True, hold=0)
        if not lasts:
            end_if_it_lasts(file, mark, deaf=False, hold=0)
        end_if_it_lasts(file, mark, deaf=True, hold=0)
        killed = not file.exists()
        worker.kill()
    assert killed == lasts
