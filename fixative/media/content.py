"""What a file is, by its first bytes rather than by its name."""

from dataclasses import dataclass

import puremagic

from fixative.media.signatures import by_signature
from fixative.media.texts import TEXTS, by_text

SNIFF_BYTES = 4096
EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/jxl": "jxl",
    "image/jp2": "jp2",
    "image/bmp": "bmp",
    "image/x-icon": "ico",
    "image/svg+xml": "svg",
    "image/tiff": "tif",
    "video/mp4": "mp4",
    "video/3gpp": "3gp",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/quicktime": "mov",
    "video/x-msvideo": "avi",
    "video/ogg": "ogv",
    "audio/mpeg": "mp3",
    "audio/aac": "aac",
    "audio/mp4": "m4a",
    "audio/wav": "wav",
    "audio/aiff": "aiff",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/webm": "weba",
    "audio/x-matroska": "mka",
    "text/plain": "txt",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
    "text/vtt": "vtt",
    "application/x-subrip": "srt",
    "application/json": "json",
    "application/xml": "xml",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/gzip": "gz",
    "application/x-tar": "tar",
    "application/zstd": "zst",
    "application/x-7z-compressed": "7z",
    "model/gltf-binary": "glb",
}
SAME = {
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/mp3": "audio/mpeg",
    "audio/x-flac": "audio/flac",
    "audio/x-aiff": "audio/aiff",
    "audio/x-m4a": "audio/mp4",
    "image/jpg": "image/jpeg",
    "image/x-ms-bmp": "image/bmp",
    "image/vnd.microsoft.icon": "image/x-icon",
    "video/x-m4v": "video/mp4",
    "application/x-gzip": "application/gzip",
    "application/csv": "text/csv",
    "text/xml": "application/xml",
    "text/x-markdown": "text/markdown",
    "text/srt": "application/x-subrip",
    "text/json": "application/json",
}
UNKNOWN = "application/octet-stream"
NAMED_APART = {"safetensors": UNKNOWN, "npy": UNKNOWN}  # known by their names, not by a type
KINDS = ("image", "video", "audio", "text")
ACTIVE = "text/html"  # a program to whoever opens it, so never shown as text is
SURE = 0.3  # three bytes of a signature; shorter ones count only where they agree


@dataclass(frozen=True)
class Content:
    """A file's type, the extension that goes with it, and its kind."""

    type: str
    ending: str | None = None  # where the extension says more than the type

    @property
    def extension(self) -> str:
        """Without a dot; `bin` when nothing is known."""
        return self.ending or EXTENSIONS.get(self.type, "bin")

    @property
    def kind(self) -> str:
        """image, video, audio, text or file."""
        family = self.type.partition("/")[0]
        return family if family in KINDS and self.type != ACTIVE else "file"


def recognise(head: bytes, declared: str | None) -> Content:
    """What the first bytes show; what was declared only chooses among what they allow."""
    plain = (declared or "").partition(";")[0].strip().lower()
    plain = SAME.get(plain, plain)
    if not head:
        return Content(plain if plain in TEXTS else UNKNOWN)
    seen = (
        by_signature(head, plain)
        or by_text(head, plain, whole=len(head) < SNIFF_BYTES)
        or _by_puremagic(head, plain)
    )
    if seen in NAMED_APART:
        return Content(NAMED_APART[seen], ending=seen)
    return Content(seen or UNKNOWN)


def _by_puremagic(head: bytes, plain: str) -> str | None:
    """What is rarer than our own signatures; an unlikely match only if declared as well."""
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):  # nothing known, or nothing there
        return None
    for match in matches:
        type_ = SAME.get(match.mime_type, match.mime_type)
        likely = type_ in EXTENSIONS and type_ not in TEXTS and type_ != "image/svg+xml"
        if likely and (match.confidence >= SURE or type_ == plain):
            return str(type_)
    return None
