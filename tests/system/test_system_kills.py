"""kill -9 of each role in turn, and of all together."""

import os
import signal
from pathlib import Path

import pytest

ROLES = (
    *("postgres", "valkey", "seaweedfs", "emulator"),
    *("api", "worker-io", "worker-store", "worker-derive", "beat", "flower"),
)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


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
    eventually(lambda: system.pids[role] != before and alive(system.pids[role]))


def test_a_job_caught_while_storing_is_stored_by_another(system, eventually):
    system.configure(faults={"output_slow": 1}, seconds={"output_slow": 120})
    job_id = system.submit()
    eventually(lambda: system.job(job_id)["status"] == "storing")
    system.configure(faults={"output_slow": 0})

    system.kill("worker-store")

    job = system.ended(job_id, patience=60)  # a lease of 30 s, and the sweep
    assert job["status"] == "succeeded"
    system.assert_stored(job)


def test_killing_the_supervisor_leaves_no_process_and_loses_nothing(start, eventually):
    system = start()
    jobs = system.all_ended([system.submit() for _ in range(3)])
    assert processes_of(system.data_dir)

    system.process.kill()
    eventually(lambda: not processes_of(system.data_dir))

    again = start()
    for job in jobs:
        assert again.job(job["id"])["status"] == "succeeded"
        for media in job["media"]:
            assert again.object(job["id"], media["name"])


def test_sigterm_stops_everything_and_everything_is_there_again(start, eventually):
    system = start()
    job = system.ended(system.submit())

    system.process.send_signal(signal.SIGTERM)
    assert system.process.wait(20) == 0
    eventually(lambda: not processes_of(system.data_dir))

    again = start()
    assert again.job(job["id"])["media"][0]["sha256"] == job["media"][0]["sha256"]
    assert again.object(job["id"], "original.webp")
