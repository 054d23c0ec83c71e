"""What an output file is, before any byte of it exists."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

CONTENT_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "txt": "text/plain; charset=utf-8",
    "json": "application/json",
    "bin": "application/octet-stream",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file in a model's output: where it stands, its URL or its `data:` URI is written.

    `look` chooses among the variants of pictures, clips and sounds; `size` is the bytes of a `bin`.
    """

    name: str
    kind: str
    look: int = 0
    width: int = 0
    height: int = 0
    seconds: int = 0
    size: int = 0
    inline: bool = False

    @property
    def content_type(self) -> str:
        """Its MIME type."""
        return CONTENT_TYPES[self.kind]


def files_in(output: Any) -> list[File]:
    """The files of an output in document order; a file's index is its place here."""
    return list(_walk(output))


def write_output(output: Any, write: Callable[[int, File], str]) -> Any:
    """The output as JSON: `write` gives the string that stands for the file of that index."""
    index = count()

    def written(value: Any) -> Any:
        if isinstance(value, File):
            return write(next(index), value)
        if isinstance(value, Mapping):
            return {key: written(item) for key, item in value.items()}
        if isinstance(value, list):
            return [written(item) for item in value]
        return value

    return written(output)


def text_of(output: Any) -> str | None:
    """The text a model wrote, as a string or as tokens; None when the output is something else."""
    if isinstance(output, str):
        return output
    if isinstance(output, list) and output and all(isinstance(item, str) for item in output):
        return "".join(output)
    return None


def _walk(value: Any) -> Iterator[File]:
    if isinstance(value, File):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item)
