"""A file of 2 GB goes through in constant memory, and small ones go past it."""

import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import family

pytestmark = pytest.mark.soak
SIZE = 2 * 10**9
MOST_RISE = 80e6
ROLES = ("api", "worker-io", "worker-store", "supervisor")


def resident(pid: int) -> int:
    """Bytes; of one that has just ended, none."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * 4096


@contextmanager
def watched(system):
    """How much the memory of each role's processes rises at most meanwhile, in bytes."""
    pids = {**system.pids, "supervisor": system.process.pid}
    families = {
        role: [pids[role]] if role == "supervisor" else family(pids[role]) for role in ROLES
    }
    before = {role: sum(map(resident, members)) for role, members in families.items()}
    rise = dict.fromkeys(ROLES, 0)
    over = threading.Event()

    def watch():
        while not over.wait(0.1):
            for role, members in families.items():
                now = sum(map(resident, members))
                rise[role] = max(rise[role], now - before[role])

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield rise
    finally:
        over.set()
        thread.join()


def test_two_gigabytes_raise_nobodys_memory_and_hold_no_small_file_up(start):
    system = start()
    system.configure(latency={"*": {"start": 0.01, "run": 0.05}})
    for _ in range(20):  # whatever is loaded once is loaded
        small = system.ended(system.submit("emulator/bytes", bytes=20_000_000), patience=120)
        system.api.get(small["media"][0]["url"])

    with watched(system) as rise:
        began = time.monotonic()
        large = system.submit("emulator/bytes", bytes=SIZE)
        overtakers = system.all_ended([system.submit() for _ in range(20)])
        still_storing = system.job(large)["status"]
        job = system.ended(large, patience=300)
        seconds = time.monotonic() - began
        [media] = job["media"]
        with system.api.stream("GET", media["url"]) as answer:
            received = sum(len(piece) for piece in answer.iter_raw())

    print({role: f"{amount / 1e6:.0f} MB" for role, amount in rise.items()})
    print(f"{SIZE / seconds / 1e6:.0f} MB/s from submit to succeeded")
    assert job["status"] == "succeeded"
    assert (media["bytes"], received) == (SIZE, SIZE)
    assert {done["status"] for done in overtakers} == {"succeeded"}
    assert still_storing != "succeeded"
    assert max(rise.values()) < MOST_RISE, rise
