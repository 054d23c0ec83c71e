"""Derived by hand: Pillow in this process, ffmpeg twice, with no limit on what a file may cost.

The same pieces as ours but for the blurhash, and of a video whatever frame is shown at a tenth.
"""

import re
import shutil
import subprocess
from pathlib import Path

import imageio_ffmpeg
from PIL import Image, ImageOps

DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d\.\d+)")
PREVIEW = (
    "fps=10,scale=w='min(320,iw)':h='min(320,ih)':force_original_aspect_ratio=decrease,"
    "split[a][b];[a]palettegen=stats_mode=diff[p];[b][p]paletteuse=dither=bayer"
)
THUMBNAIL = "scale=w='min(512,iw)':h='min(512,ih)':force_original_aspect_ratio=decrease"
FFMPEG = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()


def image(source: Path, folder: Path) -> tuple[int, int]:
    """Write `thumbnail` and `web`; its size in pixels."""
    with Image.open(source) as opened:
        size, whole = opened.size, ImageOps.exif_transpose(opened).convert("RGB")
    whole.thumbnail((2048, 2048), Image.Resampling.LANCZOS)
    whole.save(folder / "web", "WEBP", quality=80)
    whole.thumbnail((512, 512), Image.Resampling.LANCZOS)
    whole.save(folder / "thumbnail", "JPEG", quality=85, progressive=True)
    return size


def video(source: Path, folder: Path) -> float:
    """Write `thumbnail` and `preview`; its seconds."""
    told = _ffmpeg(
        *("-i", str(source), "-frames:v", "1", "-vf", THUMBNAIL),
        *("-f", "image2", "-c:v", "mjpeg", "-update", "1", str(folder / "thumbnail")),
        before=("-ss", "0.3"),
    )
    _ffmpeg(
        *("-i", str(source), "-vf", PREVIEW, "-loop", "0", "-f", "gif", str(folder / "preview")),
        before=("-ss", "0.3", "-t", "3"),
    )
    hours, minutes, seconds = DURATION.findall(told)[0]
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _ffmpeg(*arguments: str, before: tuple[str, ...]) -> str:
    command = [FFMPEG, "-hide_banner", "-nostdin", "-y", "-threads", "2", *before, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr
