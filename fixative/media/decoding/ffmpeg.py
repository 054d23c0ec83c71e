"""ffmpeg: one local file in, bounded by the limits of the process that starts it."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import imageio_ffmpeg

from fixative.errors import NotDecodable
from fixative.media.decoding.parent import die_with_parent

# No format that names other files, as playlists do.
FORMATS = "mov,mp4,matroska,webm,avi,ogg,mp3,aac,wav,flac,aiff"
MOST_PIXELS = 50_000_000  # of a frame: some decoders hold twenty
SAFELY = (
    *("-hide_banner", "-nostdin", "-y"),
    *("-protocol_whitelist", "file", "-format_whitelist", FORMATS),
    *("-filter_threads", "1", "-filter_complex_threads", "1"),
    *("-threads", "2", "-max_pixels", f"{MOST_PIXELS}"),
)

DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", re.MULTILINE)
TIME = re.compile(r"\btime=(\d+):(\d\d):(\d\d\.\d+)")
STREAM = re.compile(r"^  Stream #0:\d+.*?: (Video|Audio): (\w+)(.*)$", re.MULTILINE)
SIZE = re.compile(r", (\d+)x(\d+)")
FPS = re.compile(r", ([\d.]+)(k?) (?:fps|tbr)\b")
TURNED = re.compile(r"(?mi)^\s+display ?matrix: rotation of -?(?:90|270)\.")
ALPHA = re.compile(r"(?mi)^\s+alpha_mode\s*: 1$")
HERTZ = re.compile(r", (\d+) Hz, ([^,]+)")
CHANNELS = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "hexagonal": 6, "octagonal": 8}


@dataclass(frozen=True)
class Film:
    """A file's pictures: size in pixels as they are looked at, frames a second where known."""

    codec: str
    width: int
    height: int
    fps: float | None
    alpha: bool


@dataclass(frozen=True)
class Sound:
    """A file's sound."""

    codec: str
    sample_rate: int
    channels: int | None


@dataclass(frozen=True)
class Streams:
    """What a file holds; its duration in seconds."""

    duration: float | None
    film: Film | None
    sound: Sound | None


def streams_of(source: Path) -> Streams:
    """What ffmpeg finds in the file. Raises NotDecodable when it finds nothing."""
    told = _run("-i", f"file:{source}").stderr
    found = list(STREAM.finditer(told))
    if not found:
        raise NotDecodable("it holds neither pictures nor sound that can be read", told[-500:])
    films = (_film(match, told) for match in found if match[1] == "Video")
    sounds = (_sound(match) for match in found if match[1] == "Audio")
    film, sound = next(filter(None, films), None), next(filter(None, sounds), None)
    return Streams(_seconds(DURATION.findall(told)) or _played(source), film, sound)


def convert(source: Path, *arguments: str, before: tuple[str, ...] = ()) -> str:
    """Run ffmpeg over `source`; what it printed. Raises NotDecodable when it fails."""
    ran = _run(*before, "-i", f"file:{source}", *arguments)
    if ran.returncode:
        raise NotDecodable("it cannot be decoded", ran.stderr[-500:])
    return ran.stdout


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_binary(), *SAFELY, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        preexec_fn=die_with_parent,  # safe: the decoder has one thread
    )


@cache
def _binary() -> str:
    return shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()


def _film(stream: re.Match[str], told: str) -> Film | None:
    """The stream, unless it is a cover or has no size."""
    size, rate = SIZE.search(stream[3]), FPS.search(stream[3])
    if size is None or "(attached pic)" in stream[3]:
        return None
    width, height = int(size[1]), int(size[2])
    if TURNED.search(told):
        width, height = height, width
    fps = float(rate[1]) * (1000 if rate[2] else 1) if rate else None
    return Film(stream[2], width, height, fps, ALPHA.search(told) is not None)


def _sound(stream: re.Match[str]) -> Sound | None:
    told = HERTZ.search(stream[3])
    return Sound(stream[2], int(told[1]), _channels(told[2].strip())) if told else None


def _channels(layout: str) -> int | None:
    """How many channels ffmpeg's name of a layout means: `stereo`, `5.1(side)`, `3 channels`."""
    name = layout.partition("(")[0].strip()
    if match := re.fullmatch(r"(\d+)\.(\d+)", name) or re.match(r"(\d+) channels", name):
        return sum(map(int, match.groups()))
    return CHANNELS.get(name)


def _played(source: Path) -> float | None:
    """The duration of a file that does not tell it, by walking through its packets."""
    told = _run("-i", f"file:{source}", "-c", "copy", "-f", "null", "-").stderr
    return _seconds(TIME.findall(told))


def _seconds(times: list[tuple[str, str, str]]) -> float | None:
    if not times:
        return None
    hours, minutes, seconds = times[-1]
    return round(int(hours) * 3600 + int(minutes) * 60 + float(seconds), 2)
