"""Which files a replay may open: regular ones, below the allowed directories, not too large."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from fixative.errors import NotFound, RecordRefused
from fixative.recovery.record_lines import LARGEST

PIECE = 2**20
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Gate:
    """Opens what lies below these directories. Methods raise RecordRefused, which says why not."""

    def __init__(self, directories: Sequence[str]) -> None:
        self._roots = [Path(directory).resolve() for directory in directories]

    def real(self, path: Path) -> Path:
        """Where the path leads, links and `..` followed. Raises NotFound where there is nothing."""
        try:
            real = path.resolve(strict=True)
        except FileNotFoundError as error:
            raise NotFound(f"no file {path}") from error
        except (OSError, RuntimeError, ValueError) as error:  # a loop; a NUL in it
            raise RecordRefused(f"{path!s}: {error}") from error
        if not any(real.is_relative_to(root) for root in self._roots):
            raise RecordRefused("it lies outside of ALLOWED_REPLAY_DIRS")
        return real

    def open(self, path: Path) -> BinaryIO:
        """The regular file at the path; nothing is waited for. Raises NotFound too.

        Each folder on the way is opened from the one before, so that none can be put in another's
        place meanwhile.
        """
        real = self.real(path)
        root = next(root for root in self._roots if real.is_relative_to(root))
        *folders, name = real.relative_to(root).parts or (".",)
        try:
            place = os.open(root, FOLDER)
            try:
                for folder in folders:
                    inner = os.open(folder, FOLDER, dir_fd=place)
                    os.close(place)
                    place = inner
                # Even to open a device may do something.
                _check_regular(os.stat(name, dir_fd=place, follow_symlinks=False))
                file = os.fdopen(os.open(name, FILE, dir_fd=place), "rb")
            finally:
                os.close(place)
        except OSError as error:
            raise RecordRefused(f"{error.strerror}") from error
        try:
            _check_regular(os.fstat(file.fileno()))
        except RecordRefused:
            file.close()
            raise
        return file

    def read(self, path: Path) -> bytes:
        """The whole file, as it was at one moment. Raises NotFound too."""
        with self.open(path) as file:
            before = os.fstat(file.fileno())
            content = b"" if before.st_size > LARGEST else file.read(before.st_size + 1)
            after = os.fstat(file.fileno())
        if before.st_size > LARGEST:
            raise RecordRefused(f"it is larger than {LARGEST // 10**6} MB")
        if len(content) != before.st_size or before.st_mtime_ns != after.st_mtime_ns:
            raise RecordRefused("it changed while it was read")
        return content

    def chunks(self, path: Path) -> Iterator[bytes]:
        """The file piece by piece, of whatever size. Raises NotFound too."""
        with self.open(path) as file:
            while piece := file.read(PIECE):
                yield piece


def _check_regular(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise RecordRefused("it is a directory")
    if not stat.S_ISREG(found.st_mode):
        raise RecordRefused("it is no regular file")
