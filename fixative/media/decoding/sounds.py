"""Audio: duration, sample rate, channels, and its waveform."""

from pathlib import Path
from typing import Any

from fixative.errors import NotDecodable
from fixative.media.decoding.ffmpeg import Streams, convert, streams_of

# Thinned out first: showwavespic keeps all that it has heard.
WAVEFORM = (
    "aresample=8000,aformat=sample_fmts=s16p:channel_layouts=mono,"
    "showwavespic=s=1024x256:colors=#2563eb:draw=full"
)
MOST_SECONDS = "21600"


def listen(source: Path, folder: Path) -> dict[str, Any]:
    """Duration in seconds, sample rate in Hz, channels, codec. Writes `waveform`.

    Raises NotDecodable.
    """
    return draw(source, folder, streams_of(source))


def draw(source: Path, folder: Path, streams: Streams) -> dict[str, Any]:
    """The same, of a file whose streams are known already."""
    sound = streams.sound
    if sound is None:
        raise NotDecodable("it holds no sound that can be read")
    waveform = ("-frames:v", "1", "-c:v", "png", "-f", "image2", "-update", "1")
    chain = f"[0:a:0]{WAVEFORM}"
    written = folder / "waveform"
    convert(
        source, "-filter_complex", chain, *waveform, f"file:{written}", before=("-t", MOST_SECONDS)
    )
    if not written.exists():
        raise NotDecodable("it holds no sound")
    known = {"codec": sound.codec, "sample_rate": sound.sample_rate, "channels": sound.channels}
    return {"duration": streams.duration, "details": known}
