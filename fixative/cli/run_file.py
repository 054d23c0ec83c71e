"""DATA_DIR/run.json as a command reads it: where the running system is, and how to get in."""

import json
import os
from pathlib import Path
from typing import Any

import click

from fixative.errors import WrongSetting
from fixative.settings import DEFAULT_DATA_DIR

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="FIXATIVE_DATA_DIR",
    default=DEFAULT_DATA_DIR,
    show_default=True,
    help="Where `fixative up` keeps its run.json.",
)


def default_data_dir() -> Path:
    """FIXATIVE_DATA_DIR, or `.fixative` here."""
    return Path(os.environ.get("FIXATIVE_DATA_DIR") or DEFAULT_DATA_DIR)


def read_run_file(data_dir: Path) -> dict[str, Any] | None:
    """What `fixative up` wrote; None when it has written nothing that we may read."""
    path = data_dir / "run.json"
    try:
        run = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except ValueError as error:
        raise WrongSetting(f"{path}: not readable as JSON: {error}") from None
    if not isinstance(run, dict):
        raise WrongSetting(f"{path}: not an object")
    return run
