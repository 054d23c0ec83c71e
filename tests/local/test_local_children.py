import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixative.local.children import Children, pause_before_restart
from fixative.local.data_dir import DataDir
from fixative.local.errors import DoesNotStart
from fixative.local.program import Program

Until = Callable[[Callable[[], object]], None]


def python(role: str, code: str, **more: object) -> Program:
    arguments: dict[str, object] = {"answers": lambda: True, **more}
    return Program(role=role, argv=[sys.executable, "-u", "-c", code], **arguments)  # type: ignore[arg-type]


@pytest.fixture
def children(data_dir: DataDir) -> Iterator[Children]:
    children = Children(data_dir)
    yield children
    children.stop()


def test_what_dies_is_started_again_at_once(children: Children, until: Until) -> None:
    children.start([python("sleeper", "import time; time.sleep(60)")])
    first = children.pids["sleeper"]
    os.kill(first, signal.SIGKILL)
    until(children.tend)
    assert children.pids["sleeper"] != first


def test_what_keeps_dying_waits_longer_each_time() -> None:
    pauses = [pause_before_restart(deaths) for deaths in range(1, 8)]
    assert pauses == [0, 1, 2, 4, 8, 10, 10]


def test_what_never_starts_is_named_with_its_last_words(children: Children) -> None:
    children.start([python("broken", "print('first'); exit('no such thing')", answers=bool)])
    with pytest.raises(DoesNotStart, match=r"broken does not start: no such thing"):
        children.until_ready()


def test_orphans_of_a_dead_leader_end_before_its_successor_starts(
    children: Children, until: Until, alive: Callable[[int], bool], tmp_path: Path
) -> None:
    note = tmp_path / "grandchild"
    code = f"""
import pathlib, subprocess, time
pathlib.Path({str(note)!r}).write_text(str(subprocess.Popen(["sleep", "60"]).pid))
time.sleep(60)
"""
    children.start([python("leader", code)])
    until(lambda: note.exists() and note.read_text())
    orphan = int(note.read_text())
    os.kill(children.pids["leader"], signal.SIGKILL)
    until(children.tend)
    until(lambda: not alive(orphan))


def test_what_is_nice_lets_the_others_go_first(children: Children) -> None:
    sleep = "import time; time.sleep(60)"
    children.start([python("first", sleep), python("nice", sleep, nice=5)])

    own = os.getpriority(os.PRIO_PROCESS, 0)
    given = {role: os.getpriority(os.PRIO_PROCESS, pid) for role, pid in children.pids.items()}

    assert given == {"first": own, "nice": min(own + 5, 19)}
    sessions = [Path(f"/proc/{pid}/autogroup") for pid in children.pids.values()]
    if sessions[0].exists():  # Linux, where sessions share the processors
        told = [session.read_text().split()[-2:] for session in sessions]
        assert told == [["nice", "0"], ["nice", "5"]]


def test_what_does_not_listen_is_killed_after_its_grace(
    children: Children, alive: Callable[[int], bool], tmp_path: Path
) -> None:
    deaf = f"""
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path({str(tmp_path / "deaf")!r}).touch()
time.sleep(60)
"""
    children.start([python("deaf", deaf, answers=(tmp_path / "deaf").exists, grace=0.1)])
    children.until_ready()
    pid = children.pids["deaf"]
    children.stop()
    assert not alive(pid)


def test_stages_end_one_after_the_other(data_dir: DataDir, tmp_path: Path) -> None:
    children = Children(data_dir)
    order = tmp_path / "order"
    names = ("server", "worker", "door")
    for name in names:
        code = f"""
import pathlib, signal, sys
def end(*_):
    open({str(order)!r}, "a").write({name!r} + " ")
    sys.exit()
signal.signal(signal.SIGTERM, end)
pathlib.Path({str(tmp_path / name)!r}).touch()
while True: signal.pause()
"""
        children.start([python(name, code, answers=(tmp_path / name).exists)])
    children.until_ready()
    children.stop(["door"], ["worker"])
    assert order.read_text().split() == ["door", "worker", "server"]
