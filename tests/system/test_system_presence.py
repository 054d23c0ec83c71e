"""Workers appear, hear their canaries, and are started anew when they are deaf."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKERS = ["worker-derive", "worker-io", "worker-store"]

# What a deaf worker is like from outside: alive, connected, and consuming nothing.
DEAFEN = """
import sys
from celery.utils.nodenames import worker_direct
from worker.app import app

worker, *queues = sys.argv[1:]
for queue in (*queues, worker_direct(worker).name):
    answer = app.control.cancel_consumer(queue, destination=[worker], reply=True, timeout=5)
    assert "ok" in answer[0][worker], answer
"""

SEND = """
import sys
from worker.app import app

app.send_task("fixative.canary", kwargs={"worker": sys.argv[1]})
"""


def test_every_worker_appears_and_hears_its_canaries(system, query, eventually):
    def names():
        live = "SELECT name FROM workers WHERE seen_at > now() - interval '30 s' ORDER BY name"
        return [name for (name,) in query(live)]

    eventually(lambda: [name.partition("@")[0] for name in names()] == WORKERS)
    [(now,)] = query("SELECT now()")
    query("UPDATE workers SET canary_sent_at = now() - interval '31 s'")

    heard = "SELECT count(*) FROM workers WHERE canary_sent_at > %s AND canary_heard_at > %s"
    eventually(lambda: query(heard, now, now) == [(3,)])

    def told():
        lines = system.api.get("/metrics").text.splitlines()
        return [line for line in lines if line.startswith("fixative_workers{")]

    def workers():
        return system.api.get("/readyz").json()["workers"]

    eventually(lambda: workers() == {"status": "ok", "deaf": []})
    # A worker may be seen too late for once: what the machine did to its disk is not looked at.
    eventually(lambda: told() == [f'fixative_workers{{role="{role}"}} 1.0' for role in WORKERS])


def test_a_canary_sent_by_hand_to_anybody_is_heard_by_whom_it_names(system, query, eventually):
    find = "SELECT name FROM workers WHERE name ~ '^worker-store@'"
    [(store,)] = eventually(lambda: query(find))
    [(now,)] = query("SELECT now()")
    query("UPDATE workers SET canary_sent_at = now()")  # none is due

    _run_in(system, SEND, store)

    heard = "SELECT 1 FROM workers WHERE name = %s AND canary_heard_at > %s"
    eventually(lambda: query(heard, store, now))


@pytest.mark.soak
@pytest.mark.timeout(400)
@pytest.mark.parametrize("role", ["worker-store", "worker-io"])
def test_a_deaf_worker_is_started_anew_within_minutes_and_jobs_go_on(
    system, query, eventually, role
):
    [(worker,)] = eventually(lambda: query(f"SELECT name FROM workers WHERE name ~ '^{role}@'"))
    before = system.pids[role]
    queues = {
        "worker-store": ("store", "store_large", "sync"),
        "worker-io": ("submit", "complete", "notify", "upkeep"),
    }
    _run_in(system, DEAFEN, worker, *queues[role])
    job_id = system.submit()

    eventually(lambda: system.pids.get(role) not in {None, before}, patience=180)

    assert system.ended(job_id)["status"] == "succeeded"
    assert system.creates_of([job_id]) == {1}


def _run_in(system, code, *arguments):
    """Run a program as one of the system's own."""
    environ = {**os.environ, "FIXATIVE_DATA_DIR": str(system.data_dir)}
    subprocess.run([sys.executable, "-c", code, *arguments], env=environ, cwd=ROOT, check=True)
