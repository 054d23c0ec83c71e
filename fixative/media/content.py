"""What a file is, by its first bytes rather than by its name."""

import codecs
from dataclasses import dataclass

import puremagic

SNIFF_BYTES = 4096
EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
    "image/svg+xml": "svg",
    "image/tiff": "tif",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "text/plain": "txt",
    "application/json": "json",
    "application/pdf": "pdf",
    "application/zip": "zip",
}
SAME = {
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/mp3": "audio/mpeg",
    "audio/x-flac": "audio/flac",
    "image/jpg": "image/jpeg",
    "video/x-m4v": "video/mp4",
}
UNKNOWN = "application/octet-stream"
KINDS = ("image", "video", "audio", "text")
SURE = 0.3  # three bytes of a signature; shorter ones count only where they agree


@dataclass(frozen=True)
class Content:
    """A file's type, the extension that goes with it, and its kind."""

    type: str

    @property
    def extension(self) -> str:
        """Without a dot; `bin` when the type tells nothing."""
        return EXTENSIONS.get(self.type, "bin")

    @property
    def kind(self) -> str:
        """image, video, audio, text or file."""
        family = self.type.partition("/")[0]
        return family if family in KINDS else "file"


def recognise(head: bytes, declared: str | None) -> Content:
    """The type that the first bytes show; else what was declared, where it can be true."""
    plain = (declared or "").partition(";")[0].strip().lower()
    plain = SAME.get(plain, plain)
    for match in _matches(head):
        type_ = SAME.get(match.mime_type, match.mime_type)
        if type_ in EXTENSIONS and (match.confidence >= SURE or type_ == plain):
            return Content(type_)
    if plain in {"text/plain", "application/json"} and _is_text(head):
        return Content(plain)
    return Content(UNKNOWN)


def _matches(head: bytes) -> list[puremagic.PureMagicWithConfidence]:
    try:
        return list(puremagic.magic_string(head))
    except (puremagic.PureError, ValueError):  # nothing known, or nothing there
        return []


def _is_text(head: bytes) -> bool:
    """Whether the bytes are UTF-8, but for a character that the end of `head` may have cut."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return b"\0" not in head
