"""A job's media as files on this machine."""

from hashlib import sha256
from pathlib import Path
from typing import Any

from fixative.cli.api_client import Api
from fixative.errors import FixativeError


class DownloadError(FixativeError):
    """A file was not saved; the message says why."""


def download(api: Api, job: dict[str, Any], directory: Path) -> list[Path]:
    """Save each of the job's media under its name, its bytes checked against its SHA-256.

    A file appears whole or not at all, and never in place of another. Raises DownloadError.
    """
    return [_save(api, job["id"], item, directory) for item in job["media"]]


def _save(api: Api, job_id: str, item: dict[str, Any], directory: Path) -> Path:
    path = directory / str(item["name"])
    if not path.resolve().is_relative_to(directory.resolve()):
        raise DownloadError(f"{item['name']}: leads out of {directory}")
    if path.exists():
        raise DownloadError(f"{path}: exists already, not overwritten")
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if _fetch(api, f"/media/{job_id}/{item['name']}", part) != item["sha256"]:
            raise DownloadError(f"{item['name']}: what came is not what was stored")
        part.rename(path)
    except OSError as error:
        raise DownloadError(f"{path}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return path


def _fetch(api: Api, source: str, path: Path) -> str:
    """Write the bytes at `source` to `path`; answers their SHA-256."""
    digest = sha256()
    with path.open("wb") as file, api.stream(source) as chunks:
        for chunk in chunks:
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()
