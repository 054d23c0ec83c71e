import signal
import subprocess

from fixative.local.data_dir import DataDir
from fixative.local.watchdog import Watchdog


def sleeper() -> subprocess.Popen:
    return subprocess.Popen(["sleep", "60"], start_new_session=True)


def test_groups_end_when_the_supervisor_is_gone(data_dir: DataDir) -> None:
    watchdog = Watchdog(data_dir.lock)
    watched, forgotten = sleeper(), sleeper()
    for process in (watched, forgotten):
        watchdog.watch(process.pid, signal.SIGTERM)
    watchdog.forget(forgotten.pid)

    watchdog._pipe.close()  # what the kernel does when we are gone

    assert watched.wait(60) == -signal.SIGTERM
    watchdog.close()
    assert forgotten.poll() is None
    forgotten.kill()
    forgotten.wait()


def test_a_watchdog_that_died_is_replaced_and_told_all(data_dir: DataDir) -> None:
    watchdog = Watchdog(data_dir.lock)
    first, second = sleeper(), sleeper()
    watchdog.watch(first.pid, signal.SIGTERM)
    watchdog._process.kill()
    watchdog._process.wait()
    watchdog.watch(second.pid, signal.SIGTERM)
    watchdog._pipe.close()
    assert [first.wait(60), second.wait(60)] == [-signal.SIGTERM] * 2
    watchdog.close()
