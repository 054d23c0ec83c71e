"""What is a file in a model's output: a data: URI, or a URL on a host that outputs come from."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from fixative.hosts import AllowedHosts

# RFC 2397 lets the type be absent; models name it, and prose that begins with "data:" does not.
DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+(;[\w.=+-]+)*,")

MEDIA_URL = re.compile(
    r"https?://[^\s/]+/[^\s?#]*\.(png|jpe?g|webp|gif|avif|svg|tiff?|mp4|webm|mov|mkv|mp3|wav|flac|ogg"
    r"|opus|m4a|glb|zip|pdf)([?#]\S*)?",
    re.IGNORECASE,
)

Pointer = list[str | int]  # the way to a value: keys and indexes from the output's root


@dataclass(frozen=True)
class OutputFile:
    """One file of an output. The same URL twice is one file with two places."""

    index: int
    url: str
    pointers: list[Pointer]


def find_files(output: Any, allowed: AllowedHosts) -> list[OutputFile]:
    """Every file in any JSON, in document order. Any other URL is data."""
    places: dict[str, list[Pointer]] = {}
    for pointer, text in strings(output, []):
        if DATA_URI.match(text) or allowed.allows(text):
            places.setdefault(text, []).append(pointer)
    return [OutputFile(i, url, pointers) for i, (url, pointers) in enumerate(places.items())]


def media_elsewhere(output: Any, files: list[OutputFile]) -> list[str]:
    """The URLs that look like media and are no files of ours: they stay as they are."""
    ours = {file.url for file in files}
    urls = (text for _, text in strings(output, []) if MEDIA_URL.fullmatch(text))
    return [url for url in dict.fromkeys(urls) if url not in ours]


def text_of(output: Any, files: list[OutputFile]) -> str | None:
    """The joined text of a string or a list of tokens, less its files; None when there is none."""
    pieces = [output] if isinstance(output, str) else output
    if not _is_plain(output):
        return None
    urls = {file.url for file in files}
    return "".join(piece for piece in pieces if piece not in urls) or None


def is_structured(output: Any) -> bool:
    """Whether the output says more than text and files do, so that its JSON is worth a file."""
    return output not in (None, "", [], {}) and not _is_plain(output)


def with_files_as(output: Any, names: Mapping[int, str], files: list[OutputFile]) -> Any:
    """The output with each file's place filled by its name."""
    return put_at(output, [(p, names[file.index]) for file in files for p in file.pointers])


def put_at(output: Any, values: list[tuple[Pointer, Any]]) -> Any:
    """A copy of the output with these values at these places."""
    root = {"output": deepcopy(output)}
    fill(root, [(["output", *pointer], value) for pointer, value in values])
    return root["output"]


def fill(root: Any, values: list[tuple[Pointer, Any]]) -> None:
    """Put these values at their places in the object or list itself."""
    for (*way, last), value in values:
        place = root
        for step in way:
            place = place[step]
        place[last] = value


def strings(value: Any, pointer: Pointer) -> Iterator[tuple[Pointer, str]]:
    """Every string in any JSON with its place below `pointer`, in document order."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from strings(item, [*pointer, index])
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(item, [*pointer, key])


def _is_plain(output: Any) -> bool:
    if isinstance(output, list):
        return all(isinstance(item, str) for item in output)
    return isinstance(output, str)
