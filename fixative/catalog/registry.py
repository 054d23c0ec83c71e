"""The registry: the models that MODELS_CONFIG names, read again when its file changes."""

import threading
import time
from pathlib import Path

import structlog

from fixative.catalog.entry import Entry, read_entries
from fixative.errors import WrongSetting
from fixative.telemetry.labels import MODELS

LOOK_SECONDS = 1.0  # so often, at most, the file is looked at
LARGEST = 5 * 2**20

Stamp = tuple[int, int, int] | None

log = structlog.get_logger(__name__)


class _Book:
    """Entries, found by what requests call them; of two for one target the first counts."""

    def __init__(self, entries: list[Entry]) -> None:
        backwards = entries[::-1]
        self.entries = entries
        names = (entry.deployment or (entry.live_name or [None])[0] for entry in entries)
        MODELS.offer(name for name in names if name)
        self.by_version = {entry.version[-64:]: entry for entry in backwards if entry.version}
        self.by_deployment = {entry.deployment: entry for entry in backwards if entry.deployment}
        self.by_name = {
            **{entry.live_name[0]: entry for entry in backwards if entry.live_name},
            **{alias: entry for entry in entries for alias in entry.aliases},
            **{entry.id: entry for entry in entries},
        }


class Registry:
    """The entries in force. A file that breaks leaves those that were good, and says so once."""

    def __init__(self, config: str | None) -> None:
        """Raises WrongSetting when `config`, JSON or the path of a file of it, is wrong."""
        text = (config or "").strip()
        self._path = None if not text or text.startswith("{") else Path(text)
        self._looking = threading.Lock()
        self._look_at = time.monotonic() + LOOK_SECONDS
        self._stamp = self._stamped()
        self.broken: str | None = None  # why the file as it is now is not in force
        try:
            entries = _read(self._path) if self._path else read_entries(text or "{}")
        except WrongSetting as error:
            raise WrongSetting(f"MODELS_CONFIG: {error}") from None
        self._book = _Book(entries)

    def entries(self) -> list[Entry]:
        """Every entry, in the order of the configuration."""
        return self._now().entries

    def named(self, name: str) -> Entry | None:
        """The entry of this id, alias or model."""
        return self._now().by_name.get(name)

    def find(self, model: str | None, version: str | None, deployment: str | None) -> Entry | None:
        """The entry that a request for this target is for.

        A version of a model whose entry pins none is that entry's too.
        """
        book = self._now()
        if model is not None:
            return book.by_name.get(model)
        if deployment is not None:
            return book.by_deployment.get(deployment)
        name, _, pinned = (version or "").rpartition(":")
        by_model = book.by_name.get(name)
        unpinned = by_model if by_model and by_model.model == name else None
        return book.by_version.get(pinned, unpinned)

    def _now(self) -> "_Book":
        if self._path is None or time.monotonic() < self._look_at:
            return self._book
        if not self._looking.acquire(blocking=False):
            return self._book  # somebody else is reading
        try:
            self._look_at = time.monotonic() + LOOK_SECONDS
            stamp = self._stamped()
            if stamp != self._stamp:
                self._stamp = stamp
                self._read_again(self._path)
        finally:
            self._looking.release()
        return self._book

    def _read_again(self, path: Path) -> None:
        try:
            entries = _read(path)
        except WrongSetting as error:
            self.broken = str(error)
            log.error("models_config_broken", path=str(path), reason=self.broken)  # noqa: TRY400
            return
        self._book = _Book(entries)
        event = "models_config_read" if self.broken is None else "models_config_mended"
        self.broken = None
        log.info(event, path=str(path), models=len(entries))

    def _stamped(self) -> Stamp:
        """What changes whenever the file does."""
        if self._path is None:
            return None
        try:
            told = self._path.stat()
        except OSError:
            return None
        return told.st_mtime_ns, told.st_size, told.st_ino


def _read(path: Path) -> list[Entry]:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise WrongSetting(f"more than {LARGEST} bytes")
        return read_entries(raw.decode())
    except OSError as error:
        raise WrongSetting(f"{error.strerror}: {path}") from None
    except UnicodeDecodeError as error:
        raise WrongSetting(f"not UTF-8: {error}") from None
