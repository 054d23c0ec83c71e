"""Makes a shared file one prediction's own, by a mark where every reader skips it."""

import struct
import zlib


def stamped(kind: str, base: bytes, mark: str) -> bytes:
    """The file with the mark inside, as valid and as playable as it was."""
    text = mark.encode()
    match kind:
        case "png":
            return _png(base, text)
        case "jpg":
            return _jpeg(base, text)
        case "webp":
            return _riff(base, b"MARK", text)
        case "mp4":
            return base + struct.pack(">I4s", 8 + len(text), b"free") + text
        case "wav":
            return _riff(base, b"LIST", b"INFO" + _chunk(b"ICMT", text + b"\0"))
        case "mp3":
            return _id3(text) + base
    raise ValueError(f"no place for a mark in {kind}")


def _png(base: bytes, text: bytes) -> bytes:
    body = b"tEXt" + b"Prediction\0" + text
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    end = len(base) - 12  # IEND: no data, so 12 bytes, and always last
    return base[:end] + chunk + base[end:]


def _jpeg(base: bytes, text: bytes) -> bytes:
    # JFIF wants its own segment first: the comment follows it.
    after_header = 4 + struct.unpack(">H", base[4:6])[0]
    comment = b"\xff\xfe" + struct.pack(">H", 2 + len(text)) + text
    return base[:after_header] + comment + base[after_header:]


def _riff(base: bytes, name: bytes, data: bytes) -> bytes:
    grown = base + _chunk(name, data)
    return grown[:4] + struct.pack("<I", len(grown) - 8) + grown[8:]


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _id3(text: bytes) -> bytes:
    content = b"\0" + b"Prediction\0" + text  # TXXX: latin-1, a description, the value
    frame = b"TXXX" + struct.pack(">IH", len(content), 0) + content
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + frame
