"""Finding records: in a directory, in a folder of a bucket, in archives; one after the other."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from fixative.errors import Corrupt, FixativeError, NotFound, RecordRefused, RecordsAway
from fixative.media.bucket import Listed
from fixative.recovery.record_bucket import BucketFolder
from fixative.recovery.record_lines import LARGEST, lines_in, record_on
from fixative.recovery.records import ARCHIVE, SUMMARY, read_day, stem_of
from fixative.recovery.replay_gate import Gate
from fixative.recovery.replay_json import parse_json

PASSED_OVER = ("accepted", "predictions")  # what they tell of an ended job stands in `processed`


@dataclass(frozen=True)
class Entry:
    """One record, not read yet.

    `read` answers its bytes; it raises Corrupt, RecordRefused, or NotFound when it is gone.
    """

    name: str
    stem: str  # of its file's name
    day: date | None  # as its folder or archive is named
    read: Callable[[], bytes]
    held: int = 0  # bytes of it that are in memory already

    def load(self) -> Any:
        """Its JSON. Raises what `read` does."""
        return parse_json(self.read())


@dataclass(frozen=True)
class Chosen:
    """Which records to read: by their file's name, and by their UTC day, both ends included."""

    pattern: str = "*.json"
    since: date | None = None
    until: date | None = None
    passed_over: Sequence[str] = PASSED_OVER  # folders in that of a day

    def has_day(self, day: date | None) -> bool:
        """Whether it may lie on this day; None: nobody knows yet."""
        if day is None:
            return True
        return (self.since or date.min) <= day <= (self.until or date.max)

    def has_folder(self, name: str) -> bool:
        """Whether records to read may lie in a folder of this name."""
        return name not in self.passed_over and self.has_day(read_day(name))

    def has_name(self, name: str) -> bool:
        """Whether a file of this name, folders aside, is a record to replay."""
        file = name.rpartition("/")[2]
        return fnmatchcase(file, self.pattern) and file != SUMMARY and not file.startswith(".")


def in_directory(root: Path, gate: Gate, chosen: Chosen) -> Iterator[Entry]:
    """The records below a directory, in no order but that of days.

    Links to directories inside are passed over: what they lead to is found in its own place.
    """
    left = [gate.real(root)]
    while left:
        folder, folders = left.pop(), list[Path]()
        try:
            with os.scandir(folder) as found:
                for item in found:
                    path = Path(item.path)
                    if item.is_dir(follow_symlinks=False) and not chosen.has_name(item.name):
                        if chosen.has_folder(item.name):
                            folders.append(path)
                    elif item.is_symlink():
                        yield from _link(path, gate, chosen)
                    elif not item.name.startswith("."):
                        yield from at_path(path, gate, chosen)
        except OSError as error:
            yield _broken(str(folder), RecordRefused(str(error.strerror)))
        left += sorted(folders, reverse=True)


def at_path(path: Path, gate: Gate, chosen: Chosen) -> Iterator[Entry]:
    """The record at this path, or those in the archive that it is, as far as they are chosen."""
    day = next((day for part in reversed(path.parts) if (day := read_day(part))), None)
    if not chosen.has_day(day):
        return
    if path.name.endswith(ARCHIVE):
        yield from _archived(str(path), day, gate.chunks(path), chosen)
    elif chosen.has_name(path.name):
        yield Entry(str(path), path.stem, day, partial(gate.read, path))


def in_bucket(folder: BucketFolder, beginning: str, chosen: Chosen) -> Iterator[Entry]:
    """The records of a bucket whose names in the folder begin so."""
    for found in folder.listing(beginning):
        *folders, file = found.key.split("/")
        day = next((day for part in (*folders, file) if (day := read_day(part))), None)
        name = f"{folder.address}{found.key}"
        if not chosen.has_day(day):
            continue
        if file.endswith(ARCHIVE):
            yield from _archived(name, day, folder.chunks(found.key), chosen)
        elif chosen.has_name(file) and not set(folders) & set(chosen.passed_over):
            yield Entry(name, stem_of(file), day, partial(_read, folder, found))


def _read(folder: BucketFolder, found: Listed) -> bytes:
    if found.bytes > LARGEST:
        raise RecordRefused(f"it is larger than {LARGEST // 10**6} MB")
    content = bytearray()
    for piece in folder.chunks(found.key):
        content += piece
        if len(content) > found.bytes:
            break
    if len(content) != found.bytes:
        raise RecordRefused("it changed while it was read")
    return bytes(content)


def _link(path: Path, gate: Gate, chosen: Chosen) -> Iterator[Entry]:
    try:
        leads_to = gate.real(path)
    except RecordRefused as error:
        yield _broken(str(path), error)
    except NotFound as error:
        if chosen.has_name(path.name):
            yield _broken(str(path), error)
    else:
        if not leads_to.is_dir():
            yield from at_path(path, gate, chosen)


def _archived(
    name: str, day: date | None, chunks: Iterable[bytes], chosen: Chosen
) -> Iterator[Entry]:
    """Those in an archive, up to its end or to the first line that is none of ours."""
    try:
        for inside, raw in map(record_on, lines_in(chunks)):
            if chosen.has_name(inside) and inside.partition("/")[0] not in chosen.passed_over:
                read = partial(bytes, raw)  # no copy
                yield Entry(f"{name}: {inside}", stem_of(inside), day, read, held=len(raw))
    except (Corrupt, NotFound, RecordRefused, RecordsAway) as error:
        yield _broken(name, error)


def _broken(name: str, error: FixativeError) -> Entry:
    """An entry that says when it is loaded why it cannot be."""

    def read() -> bytes:
        raise error

    return Entry(name, "", None, read)
