"""Records in a directory of this machine, each whole or not there."""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from fixative.errors import NotFound, RecordsAway

PIECE = 128 * 2**10


class Directory:
    """A directory; made when the first record is written. Every method may raise RecordsAway."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """The file whole under its name: written beside it under another, synced, and renamed.

        It is there after a loss of power, too, once this returns.

        What a death leaves behind has a name that begins with a dot, and is never taken for one.
        """
        path = self.root / name
        under_way = path.with_name(f".{secrets.token_hex(8)}.tmp")
        with _translated():
            self._make(path.parent)
            try:
                with under_way.open("xb") as file:
                    file.writelines(chunks)
                    file.flush()
                    os.fsync(file.fileno())
                under_way.replace(path)
            except BaseException:
                under_way.unlink(missing_ok=True)
                raise
            _sync(path.parent)

    def _make(self, folder: Path) -> None:
        """Make the folder and those above it, so that none is lost with the power."""
        if not folder.is_dir():
            if folder != self.root:
                self._make(folder.parent)
            folder.mkdir(parents=True, exist_ok=True)
            _sync(folder.parent)

    def chunks(self, name: str) -> Iterator[bytes]:
        """The file's bytes, piece by piece. Raises NotFound, at the first."""
        with _translated():
            try:
                file = (self.root / name).open("rb")
            except FileNotFoundError as error:
                raise NotFound(f"no record {self.root / name}") from error
            with file:
                while piece := file.read(PIECE):
                    yield piece

    def names(self, folder: str) -> Iterator[str]:
        """The names of all whole files in the folder and below, as they are found.

        Nothing but files: a link may lead anywhere, and to open a pipe may last for ever.
        """
        with _translated():
            for place, _, files in os.walk(self.root / folder, onerror=_raise_unless_gone):
                for path in (Path(place, file) for file in files if not file.startswith(".")):
                    if path.is_file() and not path.is_symlink():
                        yield str(path.relative_to(self.root))

    def children(self, folder: str) -> Iterator[str]:
        """What lies in the folder itself, files and folders, each without the folder's name."""
        with _translated():
            try:
                yield from (path.name for path in (self.root / folder).iterdir())
            except FileNotFoundError:
                return

    def delete(self, names: Sequence[str]) -> None:
        """Remove these files, and the folders that they leave empty."""
        for name in names:
            path = self.root / name
            with _translated():
                path.unlink(missing_ok=True)
            with suppress(OSError):  # it is not empty, or gone
                for parent in [*Path(name).parents][:-1]:
                    (self.root / parent).rmdir()

    def delete_folder(self, folder: str) -> None:
        """Remove the folder with all that is in it, whole files or not."""
        with _translated(), suppress(FileNotFoundError):
            shutil.rmtree(self.root / folder)

    def point(self, link: str, folder: str) -> None:
        """Have `link` be a symbolic link to the folder beside it."""
        under_way = self.root / f".{secrets.token_hex(8)}.tmp"
        with _translated():
            under_way.symlink_to(folder)
            under_way.replace(self.root / link)

    def pointed(self, link: str) -> str | None:
        """Where `link` leads; None: there is none."""
        with _translated():
            try:
                return str((self.root / link).readlink())
            except FileNotFoundError:
                return None

    def close(self) -> None:
        """Nothing is kept open."""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecordsAway(f"{error.filename}: {error.strerror}") from error


def _sync(folder: Path) -> None:
    """Have the names in a folder on the disk: what is recorded is noted as such in Postgres."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
