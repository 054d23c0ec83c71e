"""A runbook done line by line, as a person would, in the directory where `.fixative` lies."""

import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.databases import POSTGRES_PROGRAMS
from tests.runbooks import read_runbook

UP = re.compile(r"((?:\w+=\S+ )*)fixative up(.*)")
PATIENCE = 240
MODELS = (
    ("black-forest-labs/flux-schnell", {}),
    ("meta/meta-llama-3-8b-instruct", {}),
    ("emulator/report", {"frames": 2}),
    ("emulator/fail", {}),
)
UNWRITTEN = """SELECT 1 FROM jobs WHERE deleted_at IS NULL AND (acceptance_recorded_at IS NULL
    OR record_due_at IS NOT NULL OR derive_due_at IS NOT NULL)"""


@dataclass
class Followed:
    """What came of it: what runs at the end, and what each command printed, time by time."""

    system: Any
    seconds: float = 0.0
    told: dict[str, list[str]] = field(default_factory=dict)


def follow(
    start: Callable[..., Any],
    system: Any,
    page: str,
    environ: Mapping[str, str],
    *,
    instead: Mapping[str, str] | None = None,
    exits: Mapping[str, int] | None = None,
) -> Followed:
    """Do what the page says to the running `system`; what it starts has these variables.

    `fixative up` is Ctrl-C on what ran before, and is given a free port. `instead` replaces what
    the page has as an example, `exits` names the commands that shall not end with 0.
    """
    done, began = Followed(system), time.monotonic()
    for line in read_runbook(page).commands():
        command = line
        for example, real in (instead or {}).items():
            command = command.replace(example, real)
        if up := UP.fullmatch(command):
            done.system.stop()
            given = dict(pair.split("=", 1) for pair in up[1].split())
            done.system = start("--no-flower", *up[2].split(), **{**environ, **given})
        else:
            code, out = _run(done.system, command)
            assert code == (exits or {}).get(line, 0), f"{command}: {code}\n{out}"
            done.told.setdefault(line, []).append(out)
    done.seconds = time.monotonic() - began
    return done


def run(system: Any, command: str) -> str:
    """One command beside the system, which must succeed; what it prints."""
    code, out = _run(system, command)
    assert code == 0, out
    return out


def submit_mixed(system: Any, numbers: range) -> list[str]:
    """Jobs whose inputs nobody else has, so that what was created for each can be counted."""
    return [
        system.submit(model, prompt=f"number {number}", **more)
        for number in numbers
        for model, more in [MODELS[number % len(MODELS)]]
    ]


def all_written(system: Any) -> bool:
    """Whether every job's records and manifest are as its rows are."""
    with psycopg.connect(system.run["database_url"]) as connection:
        return connection.execute(UNWRITTEN).fetchone() is None


def creates(*replicates: str) -> set[int]:
    """How often each input was created, at these together."""
    total = dict[str, int]()
    for replicate in replicates:
        stats = httpx.get(f"{replicate}/_emulator/stats").json()
        for input_, number in stats["creates"]["by_input"].items():
            total[input_] = total.get(input_, 0) + number
    return set(total.values())


def _run(system: Any, command: str) -> tuple[int, str]:
    programs = f"{Path(system.program).parent}:{POSTGRES_PROGRAMS}:{system.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "-c", command],
        cwd=system.data_dir.parent,
        env={**system.environ, "PATH": programs},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return ended.returncode, ended.stdout + (ended.stderr if ended.returncode else "")
