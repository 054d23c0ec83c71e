"""The encoders: a file's description in, a playable file out.

Pillow makes the pictures; clips and sounds come from the ffmpeg that imageio-ffmpeg brings.
"""

import io
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg
from PIL import Image

from replicate_emulator.files import File
from replicate_emulator.media import art

# Three notes of a chord for each look, in hertz.
_CHORDS = ((220, 277, 330), (196, 247, 294), (262, 330, 392), (175, 220, 262))


def encode(file: File) -> bytes:
    """The bytes of a picture, clip or sound; takes from milliseconds to a few seconds."""
    match file.kind:
        case "png" | "jpg" | "webp":
            return _picture(file)
        case "mp4":
            return _clip(file)
        case "wav" | "mp3":
            return _sound(file)
    raise ValueError(f"no encoder for {file.kind}")


def _picture(file: File) -> bytes:
    picture = art.draw(file.look, file.width, file.height)
    target = io.BytesIO()
    match file.kind:
        case "png":
            picture.save(target, "PNG", compress_level=4)
        case "jpg":
            picture.save(target, "JPEG", quality=88)
        case _:
            # Any metadata makes it an extended WebP, the form that may carry unknown chunks.
            exif = Image.Exif()
            exif[0x0131] = "replicate_emulator"
            picture.save(target, "WEBP", quality=85, method=2, exif=exif)
    return target.getvalue()


def _clip(file: File) -> bytes:
    still = io.BytesIO()
    art.draw(file.look, file.width * 2, file.height * 2).save(still, "PNG", compress_level=1)
    frames = 24 * file.seconds
    moving = (
        f"zoompan=z='1+0.4*on/{frames}':x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2'"
        f":d={frames}:s={file.width}x{file.height}:fps=24,hue=H='0.4*sin(2*PI*t/{file.seconds})'"
    )
    video = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p")
    return _ffmpeg(
        ("-f", "png_pipe", "-i", "pipe:0", "-vf", moving, *video, "-movflags", "+faststart"),
        still.getvalue(),
        "mp4",
    )


def _sound(file: File) -> bytes:
    notes = "+".join(
        f"0.2*sin(2*PI*{note}*t)*(0.6+0.4*sin(2*PI*t/{3 + place}))"
        for place, note in enumerate(_CHORDS[file.look % len(_CHORDS)])
    )
    source = f"aevalsrc='{notes}':d={file.seconds}:s=32000"
    fade = f"afade=t=in:d=0.3,afade=t=out:st={max(0, file.seconds - 1)}:d=1"
    mp3 = ("-c:a", "libmp3lame", "-b:a", "128k", "-id3v2_version", "0")
    codec = mp3 if file.kind == "mp3" else ("-c:a", "pcm_s16le")
    return _ffmpeg(("-f", "lavfi", "-i", source, "-af", fade, *codec), b"", file.kind)


def _ffmpeg(arguments: tuple[str, ...], piped: bytes, suffix: str) -> bytes:
    # MP4 and WAV headers are written last, at the front: that needs a file that can seek.
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, f"out.{suffix}")
        binary = imageio_ffmpeg.get_ffmpeg_exe()
        command = (binary, "-loglevel", "error", "-threads", "1", *arguments, str(target))
        subprocess.run(command, input=piped, check=True, capture_output=True, timeout=120)
        return target.read_bytes()
