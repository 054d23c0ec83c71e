"""What `fixative up` says that it runs, where it is `fixative up` that runs us."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Running:
    """Its processes by role, and where Flower is; the rest of its file is nobody's to see."""

    processes: dict[str, int]
    flower_url: str | None


NOTHING = Running({}, None)


def read_running(data_dir: Path) -> Running:
    """As run.json has it; nothing without one."""
    try:
        run = json.loads((data_dir / "run.json").read_text())
        processes = {process["role"]: process["pid"] for process in run["processes"]}
        return Running(processes, run["flower_url"])
    except (OSError, ValueError, KeyError, TypeError):
        return NOTHING
