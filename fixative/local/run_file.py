"""DATA_DIR/run.json: where everything is, for commands run by hand and for whoever watches."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from fixative.local.data_dir import write_private
from fixative.local.roles import System
from fixative.settings import Settings


def write_run_file(system: System, settings: Settings, pids: Mapping[str, int]) -> None:
    """Write what runs now, whole or not at all, readable by its owner only."""
    secret_key = settings.aws_secret_access_key
    run = {
        "api_url": system.url("api"),
        "dashboard_url": f"{system.url('api')}/ui/",
        "flower_url": system.url("flower") if system.flower else None,
        "replicate_url": settings.replicate_base_url,
        "admin_key": settings.fixative_admin_key.get_secret_value(),
        "database_url": settings.database_url.get_secret_value(),
        "redis_url": settings.redis_url.get_secret_value(),
        "s3": {
            "endpoint_url": settings.s3_endpoint_url,
            "bucket": settings.s3_bucket,
            "region": settings.aws_region,
            "access_key": settings.aws_access_key_id,
            "secret_key": secret_key.get_secret_value() if secret_key else None,
        },
        "output_dir": _absolute(settings.output_dir),
        "processes": [
            {"role": role, "pid": pid} for role, pid in {"supervisor": os.getpid(), **pids}.items()
        ],
    }
    write_private(system.data_dir.path / "run.json", json.dumps(run, indent=2) + "\n")


def _absolute(place: str) -> str:
    """As whoever reads it from another directory has to call it."""
    return place if "://" in place else str(Path(place).absolute())
