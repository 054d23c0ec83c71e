"""Files of many kinds, made here: whole, odd, cut short, mislabelled, and made to do harm."""

import io
import json
import struct
import subprocess
import tempfile
import zipfile
import zlib
from functools import cache
from pathlib import Path

import imageio_ffmpeg
from PIL import Image, ImageCms

CLIP = "testsrc2=d=0.4:s=160x120:r=10"
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")
SINE = "sine=d=1"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
HTML = b"<!DOCTYPE html>\n<html><body><svg></svg><script>alert(1)</script></body></html>"


@cache
def ffmpeg(suffix, *arguments):
    """What ffmpeg writes to a file of this suffix."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / f"made.{suffix}"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y"]
        subprocess.run([*command, *arguments, written], check=True, timeout=120)
        return written.read_bytes()


def film(suffix, *codec, source=CLIP):
    """A clip of testing bars, or of `source`."""
    return ffmpeg(suffix, "-f", "lavfi", "-i", source, *codec)


def sound(suffix, *codec, source=SINE):
    """A second of a tone, or of `source`."""
    return ffmpeg(suffix, "-f", "lavfi", "-i", source, *codec)


def picture(form, mode="RGB", size=(300, 200), colour=None, **options):
    """A picture of one colour."""
    image = Image.new(mode, size, colour if colour is not None else 0)
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def turned(orientation):
    """A JPEG that is red on its left side as it is stored, with an EXIF orientation."""
    image = Image.new("RGB", (300, 200), "blue")
    image.paste("red", (0, 0, 60, 200))
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def cmyk():
    """A JPEG in print colours: no cyan, all magenta and yellow, which is red."""
    return picture("JPEG", "CMYK", colour=(0, 255, 255, 0))


def with_profile():
    """A PNG of red pixels whose profile says that they look green."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    return picture("PNG", colour=(255, 0, 0), icc_profile=swapped)


def animated(form, frames=3):
    """An animation that begins red."""
    pictures = [Image.new("RGB", (120, 80), (255, 80 * at, 0)) for at in range(frames)]
    buffer = io.BytesIO()
    pictures[0].save(buffer, form, save_all=True, append_images=pictures[1:], duration=50)
    return buffer.getvalue()


def palette_with_transparency():
    """A PNG of one transparent colour, which would be black."""
    return picture("PNG", "P", transparency=0)


def sixteen_bit():
    """A grey PNG of half of 65535."""
    return picture("PNG", "I;16", colour=32896)


def png(width, height, data=b"", *, depth=8, colour=0):
    """A PNG of these chunks, whatever its header claims."""

    def chunk(name, body):
        checked = name + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@cache
def flat_png(width, height, *, depth=1, colour=0):
    """A whole PNG of zeros that is far smaller than what it decodes to."""
    channels = {0: 1, 2: 3, 6: 4}[colour]
    row = bytes(1 + (width * depth * channels + 7) // 8)
    deflate = zlib.compressobj(1)
    data = b"".join([*(deflate.compress(row) for _ in range(height)), deflate.flush()])
    return png(width, height, data, depth=depth, colour=colour)


def huge_gif():
    """A GIF that claims the largest size there is, in a few bytes."""
    screen = struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\x02\x44\x01\0"
    return b"GIF89a" + screen + frame + b";"


def huge_webp():
    """A WebP that claims the largest size there is, in a few bytes."""
    frame = b"\x10\x02\x00\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383) + bytes(64)
    chunk = b"VP8 " + struct.pack("<I", len(frame)) + frame
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def zip_bomb():
    """Eight million zeros in eight thousand bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(8_000_000))
    return buffer.getvalue()


def safetensors():
    """Two weights."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


def glb():
    """A scene of nothing."""
    scene = json.dumps({"asset": {"version": "2.0"}}).encode().ljust(28)
    chunk = struct.pack("<I", len(scene)) + b"JSON" + scene
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunk)) + chunk


@cache
def endless_sound():
    """Six hours of a tone in a file that is made in a moment."""
    with tempfile.TemporaryDirectory() as folder:
        minute, hours = Path(folder) / "minute.m4a", Path(folder) / "hours.m4a"
        minute.write_bytes(sound("m4a", "-b:a", "8k", "-ar", "8000", source="sine=d=60:r=8000"))
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y"]
        looped = ("-stream_loop", "359", "-i", minute, "-c", "copy", hours)
        subprocess.run([*command, *looped], check=True, timeout=120)
        return hours.read_bytes()
