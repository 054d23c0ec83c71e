"""Settings for the commands that need the servers, but not the rest of the system."""

import os
from pathlib import Path

from fixative.cli.run_file import read_run_file
from fixative.local.environment import is_set
from fixative.settings import Settings, load_settings

PUBLIC_URL = "FIXATIVE_PUBLIC_URL"


def offline_settings(data_dir: Path) -> Settings:
    """The variables; where one is unset, what run.json in `data_dir` says.

    Raises WrongSetting, naming what is missing.
    """
    environ = {**os.environ, "FIXATIVE_DATA_DIR": str(data_dir)}
    run = read_run_file(data_dir)
    if run and not is_set(environ, PUBLIC_URL) and _has_local_replicate(run["processes"]):
        environ[PUBLIC_URL] = run["api_url"]  # as `fixative up` does for its own processes
    return load_settings(environ)


def _has_local_replicate(processes: list[dict[str, object]]) -> bool:
    return any(process["role"] == "emulator" for process in processes)
