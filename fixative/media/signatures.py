"""Types told by the bytes that every file of theirs begins with."""

import struct

PREFIXES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"glTF", "model/gltf-binary"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),  # without a file in it
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x93NUMPY", "npy"),
)
RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"M4P ": "audio/mp4",
}
MPEG_BRANDS = (b"iso", b"mp4", b"avc", b"M4V", b"dash", b"cmf", b"hvc", b"f4v", b"MSNV", b"av01")
QUICKTIME_ATOMS = (b"moov", b"mdat", b"wide")
BITMAP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
MOST_HEADER = 100 * 2**20  # of safetensors, by its own definition


def by_signature(head: bytes, declared: str) -> str | None:
    """The type of `head`, or the ending of a format that has no type of its own; else None."""
    for prefix, type_ in PREFIXES:
        if head.startswith(prefix):
            return type_
    return (
        _riff(head)
        or _iso_media(head)
        or _matroska(head)
        or _ogg(head)
        or _bitmap(head)
        or _mpeg_audio(head, declared)
        or _safetensors(head)
        or ("application/x-tar" if head[257:262] == b"ustar" else None)
    )


def _riff(head: bytes) -> str | None:
    return RIFF.get(head[8:12]) if head.startswith((b"RIFF", b"RF64")) else None


def _iso_media(head: bytes) -> str | None:
    """MP4 and its relatives, by the first of their brands that tells one from another."""
    if head[4:8] != b"ftyp":
        return "video/quicktime" if head[4:8] in QUICKTIME_ATOMS and head[0] == 0 else None
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size, 4))]
    if b"avif" in brands and brands[0] in {b"mif1", b"msf1"}:
        return "image/avif"
    for brand in brands:
        if brand in BRANDS:
            return BRANDS[brand]
        if brand.startswith(b"3g"):
            return "video/3gpp"
        if brand.startswith(MPEG_BRANDS):
            return "video/mp4"
    return None


def _matroska(head: bytes) -> str | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    form = "webm" if b"webm" in head[:64] else "x-matroska"
    only_sound = b"A_" in head and b"V_" not in head  # how its codecs are named
    return f"audio/{form}" if only_sound else f"video/{form}"


def _ogg(head: bytes) -> str | None:
    if not head.startswith(b"OggS"):
        return None
    return "video/ogg" if b"\x80theora" in head[:512] else "audio/ogg"


def _bitmap(head: bytes) -> str | None:
    if head.startswith(b"BM") and len(head) >= 18:
        header = int.from_bytes(head[14:18], "little")
        return "image/bmp" if head[6:10] == bytes(4) and header in BITMAP_HEADERS else None
    if head.startswith(b"\0\0\1\0") and len(head) >= 22:
        return "image/x-icon" if head[4] and not head[5] and head[9] == 0 else None
    return None


def _mpeg_audio(head: bytes, declared: str) -> str | None:
    """MP3 or AAC without a tag: two frames in a row, or one and the word of who sent it."""
    if len(head) < 6 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        type_, size = "audio/aac", (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    else:
        type_, size = "audio/mpeg", _mp3_frame(head)
    follows = head[size : size + 2]
    twice = size > 0 and len(follows) == 2 and follows[0] == 0xFF and follows[1] == head[1]
    return type_ if size > 0 and (twice or declared == type_) else None


def _mp3_frame(head: bytes) -> int:
    """The bytes of the layer III frame that `head` begins with; 0 when there is none."""
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate, frequency = head[2] >> 4, head[2] >> 2 & 3
    if head[1] & 0xE0 != 0xE0 or version == 1 or layer != 1 or frequency == 3:
        return 0
    first = version == 3
    rates = (
        (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
        if first
        else (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
    )
    hertz = (44100, 48000, 32000)[frequency] // {3: 1, 2: 2, 0: 4}[version]
    padding = head[2] >> 1 & 1
    return (144 if first else 72) * rates[rate] * 1000 // hertz + padding if rates[rate] else 0


def _safetensors(head: bytes) -> str | None:
    """Eight bytes that count the JSON after them."""
    if len(head) < 10 or head[8:10] not in {b'{"', b"{}", b"{ "}:
        return None
    (length,) = struct.unpack("<Q", head[:8])
    return "safetensors" if 2 <= length <= MOST_HEADER else None
