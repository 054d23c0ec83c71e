"""kill -9 of each role in turn, and of all together."""

import os
import signal
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from tests.processes import alive

ROLES = (
    *("postgres", "valkey", "seaweedfs", "emulator"),
    *("api", "worker-io", "worker-store", "worker-derive", "beat", "flower"),
)


def processes_of(data_dir: Path) -> set[int]:
    """Every process whose environment names the data directory."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environ = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"FIXATIVE_DATA_DIR={data_dir}".encode() in environ and alive(int(entry.name)):
                found.add(int(entry.name))
    return found


@pytest.mark.parametrize("role", ROLES)
def test_a_killed_role_is_back_and_a_job_submitted_meanwhile_succeeds(system, eventually, role):
    before = system.pids[role]

    system.kill(role)
    job_id = system.submit()

    assert system.ended(job_id)["status"] == "succeeded"
    eventually(lambda: system.pids.get(role, before) != before and alive(system.pids[role]))


def test_a_job_caught_while_storing_is_stored_by_another(system, eventually):
    system.configure(faults={"output_slow": 1}, seconds={"output_slow": 120})
    job_id = system.submit()
    with psycopg.connect(system.run["database_url"], autocommit=True) as connection:
        held = "FROM jobs WHERE id = %s AND status = 'storing' AND lease_until > now()"
        eventually(lambda: connection.execute(f"SELECT 1 {held}", [job_id]).fetchone())
        system.configure(faults={"output_slow": 0})

        system.kill("worker-store")

        # It would be over in half a minute: there is nobody who renews it.
        ended = f"UPDATE jobs SET lease_until = now() WHERE id IN (SELECT id {held})"
        assert connection.execute(ended, [job_id]).rowcount == 1
    job = system.ended(job_id)
    assert job["status"] == "succeeded"
    system.assert_stored(job)


def test_stopped_by_kill_or_by_sigterm_nothing_runs_on_and_nothing_is_lost(start, eventually):
    system = start()
    system.all_ended([system.submit() for _ in range(3)])
    stored = stored_in(system)

    for sign, again in (signal.SIGKILL, ()), (signal.SIGTERM, ("--services",)):
        assert processes_of(system.data_dir)
        system.process.send_signal(sign)
        assert system.process.wait(30) == (0 if sign == signal.SIGTERM else -sign)
        eventually(lambda: not processes_of(system.data_dir))  # noqa: B023

        system = start(*again)
        assert stored_in(system).items() >= stored.items()


def stored_in(system):
    """The SHA-256 of every original by its key: what its row says is what its object has."""
    with psycopg.connect(system.run["database_url"]) as connection:
        rows = connection.execute("SELECT key, sha256 FROM media WHERE role = 'original'")
        told = dict(rows.fetchall())
    assert told
    assert {key: sha256(system.content(key)).hexdigest() for key in told} == told
    return told
