"""A bar on a terminal of 80 columns, as the terminal is sent it."""

import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress

COLUMNS = 80
UNSET = ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TERM")
HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"
COLOUR, ERASED = re.compile(r"\x1b\[[\d;]*m"), "\r\x1b[2K"
# Ctrl-C means what it does in a terminal's foreground, wherever the tests run.
BEGIN = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from fixative.cli.bar import Bar
from fixative.telemetry.logging import configure_logging
import structlog
configure_logging("json")
"""


def begun(script):
    """A Python process on a terminal of its own, and that terminal's other side."""
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name not in UNSET}
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + script],
        stdin=its,
        stdout=its,
        stderr=its,
        env={**environ, "TERM": "xterm-256color"},
    )
    os.close(its)
    return process, ours


def read(terminal, until=None):
    """What the process writes, to its end or until this has come."""
    text = b""
    with suppress(OSError):  # the end of a terminal
        while until is None or until not in text:
            text += os.read(terminal, 2**16)
    return text.decode()


def test_it_fills_no_more_than_a_line_leaves_others_whole_and_ends_full():
    process, terminal = begun("""
with Bar("rebuilding") as bar:
    bar.stand("comparing objects and rows")
    time.sleep(0.2)
    bar.say("corrupt: " + "x" * 100)
    structlog.get_logger("fixative").warning("a_warning")
    bar.stand("20,000 records read")
    bar.fill()
""")

    told = read(terminal)

    assert process.wait(60) == 0
    os.close(terminal)
    assert told.count(HIDDEN) == told.count(SHOWN) == 1
    plain = COLOUR.sub("", told)
    frames = [line for line in re.split(r"[\r\n]+", plain) if line.count("━")]
    assert max(len(frame.replace("\x1b[2K", "").replace(HIDDEN, "")) for frame in frames) < COLUMNS
    assert f"{ERASED}corrupt: {'x' * 100}\r\n" in plain
    assert re.search(re.escape(ERASED) + r'\{"timestamp": [^}]*"action":\s+"a_warning"', plain)
    last = told[told.rindex("rebuilding") : told.index(SHOWN)]
    assert "━" * 24 in last  # in one colour: full
    assert "20,000 records read" in last
    assert last.endswith("\r\n")


def test_interrupted_it_is_not_full_and_the_cursor_is_there_again():
    process, terminal = begun("""
with Bar("syncing") as bar:
    bar.stand("100 read, 100 new")
    time.sleep(60)
""")
    told = read(terminal, until=b"100 new")

    process.send_signal(signal.SIGINT)
    told += read(terminal)

    assert process.wait(60) == -signal.SIGINT
    os.close(terminal)
    assert told.index(HIDDEN) < told.index(SHOWN) < told.index("KeyboardInterrupt")
    assert "━" * 24 not in told
