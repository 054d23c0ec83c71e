"""What is derived from images and videos: thumbnails, versions for the web, previews."""

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.harness import Comparison, Measure, Sample, compare
from bench.peers import derived
from bench.processes import cpu_seconds
from fixative.media.decoding.process import Decoder
from replicate_emulator.files import File
from replicate_emulator.media.encode import encode

PICTURES = [File("picture", kind, look=2, width=1344, height=768) for kind in ("png", "webp")]
SOURCES = {
    "image": [*PICTURES, File("picture", "jpg", look=1, width=2048, height=2048)],
    "video": [File("clip", "mp4", look=0, width=640, height=360, seconds=5)],
}
PIECES = {"image": {"thumbnail", "web"}, "video": {"thumbnail", "preview"}}
MEASURES = tuple(
    measure
    for kind in SOURCES
    for measure in (
        Measure(f"{kind}s per second", "1/s", "higher"),
        Measure(f"CPU per {kind}", "ms", "lower"),
    )
)
Derive = Callable[[Path, Path], Any]


def run(files: int, rounds: int) -> Comparison:
    """Images and videos derived from, beside plain Pillow and ffmpeg: 1/s, CPU."""
    with TemporaryDirectory(prefix="fixative-bench-") as home:
        sources = {kind: _written(Path(home), kind) for kind in SOURCES}
        decoder = Decoder()
        try:
            ours = {kind: partial(decoder.decode, kind) for kind in SOURCES}
            theirs: dict[str, Derive] = {"image": derived.image, "video": derived.video}
            turns = {
                "fixative": partial(_turn, ours, sources, files),
                "Pillow, ffmpeg": partial(_turn, theirs, sources, files),
            }
            sizes = {"files": files, "rounds": rounds}
            return compare(turns, MEASURES, rounds=rounds, settings=sizes)
        finally:
            decoder.close()


def _written(home: Path, kind: str) -> list[Path]:
    paths = [home / f"{kind}-{number}" for number in range(len(SOURCES[kind]))]
    for path, file in zip(paths, SOURCES[kind], strict=True):
        path.write_bytes(encode(file))
    return paths


def _turn(by: Mapping[str, Derive], sources: Mapping[str, list[Path]], files: int) -> Sample:
    sample: Sample = {}
    for kind, derive in by.items():
        _derived(kind, derive, sources[kind][:1])  # what is loaded once is loaded
        began, cpu = time.monotonic(), _cpu()
        _derived(kind, derive, list(islice(cycle(sources[kind]), files)))
        sample[f"{kind}s per second"] = files / (time.monotonic() - began)
        sample[f"CPU per {kind}"] = 1000 * (_cpu() - cpu) / files
    return sample


def _derived(kind: str, derive: Derive, sources: list[Path]) -> None:
    for source in sources:
        with TemporaryDirectory(prefix="fixative-bench-") as made:
            derive(source, Path(made))
            if not PIECES[kind] <= {path.name for path in Path(made).iterdir()}:
                raise RuntimeError(f"not everything was derived from {source.name}")


def _cpu() -> float:
    """Of this process and of its children, those that have ended included."""
    return cpu_seconds({"all": os.getpid()})["all"]
