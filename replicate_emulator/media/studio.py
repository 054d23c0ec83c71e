"""Where output files come from: encoded once, kept, and marked for each prediction."""

import threading
from collections import OrderedDict
from pathlib import Path

from replicate_emulator.files import File
from replicate_emulator.media.content import Computed, Content, Held
from replicate_emulator.media.encode import encode
from replicate_emulator.media.stamp import stamped

_KEPT = 128


class Studio:
    """Gives the content of any file; safe to call from several threads."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._bases: OrderedDict[File, bytes] = OrderedDict()
        self._one_at_a_time = threading.Lock()
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def is_ready(self, file: File) -> bool:
        """Whether `content` would answer without encoding anything."""
        return file.kind in ("bin", "txt", "json") or _base_of(file) in self._bases

    def content(self, file: File, mark: str) -> Content:
        """The file's bytes, made its own by the mark; the first of a look may take seconds."""
        match file.kind:
            case "bin":
                return Computed(mark, file.size)
            case "txt":
                return Held(f"Made for {mark}.\n".encode())
            case "json":
                return Held(f'{{"made_for":"{mark}"}}'.encode())
        return Held(stamped(file.kind, self._base(_base_of(file)), mark))

    def _base(self, file: File) -> bytes:
        with self._one_at_a_time:
            if file not in self._bases:
                self._bases[file] = self._from_disk(file)
                if len(self._bases) > _KEPT:
                    self._bases.popitem(last=False)
            return self._bases[file]

    def _from_disk(self, file: File) -> bytes:
        if not self._folder:
            return encode(file)
        path = self._folder / (
            f"{file.look}-{file.width}x{file.height}-{file.seconds}s.{file.kind}"
        )
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_bytes(encode(file))
            part.replace(path)
        return path.read_bytes()


def _base_of(file: File) -> File:
    """What all files of the same look and size share."""
    return File("", file.kind, file.look, file.width, file.height, file.seconds)
