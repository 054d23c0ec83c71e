"""Labels that cannot grow without end: what is not among the known ones is `other`."""

import os
from collections.abc import Iterable
from pathlib import Path

import structlog

OTHER = "other"
NAMES_FILE = "models"
MOST_MODELS = 100  # besides those of the registry
JOB_TYPES = frozenset({"image", "video", "audio", "text", "complete_content"})
ERRORS = frozenset(
    {
        "invalid_input",
        "model_error",
        "out_of_memory",
        "timeout",
        "canceled",
        "aborted",
        "rejected",
        "output_expired",
        "output_too_large",
        "output_unreachable",
        "internal",
    }
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = structlog.get_logger(__name__)


def among(known: frozenset[str], value: str | None) -> str:
    """The value, if it is one of the known."""
    return value if value in known else OTHER


def status_class(status: int) -> str:
    """2xx for 204, and so on."""
    return f"{status // 100}xx"


class ModelNames:
    """The names that models are counted under, the same in all processes that share `directory`.

    They are kept as the lines of a file, which is only ever appended to. The registry's have a
    place always, others as long as there is room. Where the file cannot be had, each process goes
    by its own.
    """

    def __init__(self, directory: str | None) -> None:
        self._path = Path(directory, NAMES_FILE) if directory else None
        self._known: set[str] = set()
        self._size = -1  # of the file as it was read

    def label(self, name: str | None) -> str:
        """The name, if it has a place, or takes one now."""
        if name is None:
            return OTHER
        if name not in self._known:
            self._read()
        if name not in self._known and len(self._known) < MOST_MODELS:
            self._add([name])
        return name if name in self._known else OTHER

    def offer(self, names: Iterable[str]) -> None:
        """Give each of these a place."""
        self._read()
        self._add([name for name in names if name not in self._known])

    def _read(self) -> None:
        if self._path is None:
            return
        try:
            size = self._path.stat().st_size
            if size != self._size:
                self._known |= set(self._path.read_text().splitlines())
                self._size = size
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning("model_names_not_shared", error=str(error))

    def _add(self, names: list[str]) -> None:
        if names and self._path is not None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a") as file:
                    file.write("".join(f"{name}\n" for name in names))
            except OSError as error:
                log.warning("model_names_not_shared", error=str(error))
        self._known |= set(names)


MODELS = ModelNames(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
