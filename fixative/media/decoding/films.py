"""Video: measures, a thumbnail that shows something, and a preview of up to three seconds."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageStat

from fixative.errors import NotDecodable
from fixative.media.decoding.ffmpeg import Film, Streams, convert, streams_of
from fixative.media.decoding.pictures import on_white, thumbnail
from fixative.media.decoding.sounds import draw

DARK = 24  # of 255, on average
SCANNED = "120"  # seconds in which something lit is looked for
PREVIEW = (
    "fps=10,scale=w='min(320,iw)':h='min(320,ih)':force_original_aspect_ratio=decrease:flags=lanczos,"
    "split[a][b];[a]palettegen=stats_mode=diff[p];[b][p]paletteuse=dither=bayer"
)
FRAME = "scale=w='min(1024,iw)':h='min(1024,ih)':force_original_aspect_ratio=decrease"
LIT = (
    "fps=4,signalstats,"
    f"metadata=mode=select:key=lavfi.signalstats.YAVG:value={DARK + 16}:function=greater,"
    "metadata=mode=print:file=-,"
)
AT = re.compile(r"pts_time:([\d.]+)")
KEEPS_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def look(source: Path, folder: Path) -> dict[str, Any]:
    """Duration in seconds, size in pixels, frames a second, codec, blurhash.

    Writes `thumbnail` and `preview`; a file that turns out to hold sound only is told as one.
    Raises NotDecodable.
    """
    streams = streams_of(source)
    if streams.film is None:
        return draw(source, folder, streams)
    image, at = _frame(source, folder, streams)
    _preview(source, folder, streams.film, at)
    details = {
        "codec": streams.film.codec,
        "fps": streams.film.fps,
        "blurhash": thumbnail(image, folder),
        "audio_codec": streams.sound.codec if streams.sound else None,
    }
    return {
        "width": streams.film.width,
        "height": streams.film.height,
        "duration": streams.duration,
        "details": {name: value for name, value in details.items() if value is not None},
    }


def _frame(source: Path, folder: Path, streams: Streams) -> tuple[Image.Image, float]:
    """A frame that is not dark, if one is found, and when it is shown."""
    best = None
    for image, at in _candidates(source, folder, streams):
        if _light(image) >= DARK:
            return image, at
        best = best or (image, at)
    if best is None:
        raise NotDecodable("it holds no picture that can be decoded")
    return best


def _candidates(
    source: Path, folder: Path, streams: Streams
) -> Iterator[tuple[Image.Image, float]]:
    """Frames, the likeliest first: early on, the first that is lit, the very first."""
    early = round((streams.duration or 0) * 0.1, 2)
    for start, chain in ((early, ""), (0.0, LIT), (0.0, "")):
        target = folder / "frame"
        target.unlink(missing_ok=True)
        written = ("-frames:v", "1", "-c:v", "png", "-f", "image2", "-update", "1")
        try:
            told = convert(
                source,
                *("-map", "0:v:0", "-vf", f"{chain}{FRAME}", *written, f"file:{target}"),
                before=(*_decoder(streams.film), "-ss", f"{start}", "-t", SCANNED),
            )
        except NotDecodable:  # none here: the file may be cut short
            continue
        if target.exists():
            with Image.open(target, formats=["PNG"]) as opened:
                image = opened.convert("RGBA" if opened.has_transparency_data else "RGB")
            at = AT.search(told)
            yield image, float(at[1]) if at else start


def _preview(source: Path, folder: Path, film: Film, start: float) -> None:
    convert(
        source,
        *("-map", "0:v:0", "-vf", PREVIEW, "-loop", "0", "-f", "gif", f"file:{folder / 'preview'}"),
        before=(*_decoder(film), "-ss", f"{start}", "-t", "3"),
    )


def _decoder(film: Film | None) -> tuple[str, ...]:
    """The one that keeps the transparency of WebM, which ffmpeg's own does not."""
    if film is None or not film.alpha or film.codec not in KEEPS_ALPHA:
        return ()
    return ("-c:v", KEEPS_ALPHA[film.codec])


def _light(image: Image.Image) -> float:
    return ImageStat.Stat(on_white(image).convert("L")).mean[0]
