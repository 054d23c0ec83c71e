"""What the bytes show wins over what was declared, for every kind of file we may meet."""

import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixative.media.content import SNIFF_BYTES, recognise
from tests.media import crafted

FTYP = b"\0\0\0\x18ftyp"
EBML = b"\x1a\x45\xdf\xa3\x93\x42\x82"
LONG_JSON = b'{"a": [' + b"1, " * 3000 + b"1]}"


def tar():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        packed.addfile(tarfile.TarInfo("a"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "declared", "type_", "extension"),
    [
        (crafted.SVG, "image/png", "image/svg+xml", "svg"),
        (b'<?xml version="1.0"?>\n' + crafted.SVG, None, "image/svg+xml", "svg"),
        (b"\xef\xbb\xbf" + crafted.SVG, "text/html", "image/svg+xml", "svg"),
        (b"\xff\xfe" + crafted.SVG.decode().encode("utf-16-le"), None, "image/svg+xml", "svg"),
        (b" \n\t<!-- <html> -->\n" + crafted.SVG, None, "image/svg+xml", "svg"),
        (
            b'<!DOCTYPE svg PUBLIC "a" "b" [<!ENTITY c "d">]>' + crafted.SVG,
            None,
            "image/svg+xml",
            "svg",
        ),
        (b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>', None, "image/svg+xml", "svg"),
        (crafted.HTML, "image/png", "text/html", "html"),
        (crafted.HTML, "image/svg+xml", "text/html", "html"),
        (b"<!-- <svg> --><HTML>", "image/svg+xml", "text/html", "html"),
        (b'<?xml version="1.0"?><html xmlns="x"/>', None, "text/html", "html"),
        (b"<script>alert(1)</script>", "text/plain", "text/html", "html"),
        (b'<?xml version="1.0"?><feed/>', None, "application/xml", "xml"),
        (b"<3 of text", "image/svg+xml", "text/plain", "txt"),
        (b"<!doctype svg " + b"[]" * 2000, None, "text/plain", "txt"),
        (LONG_JSON, "application/octet-stream", "application/json", "json"),
        (b"[[1, 2], [3]]", None, "application/json", "json"),
        (b"[" * 4096, "application/json", "application/json", "json"),
        (b"[1] a footnote", None, "text/plain", "txt"),
        (b"no json", "application/json", "text/plain", "txt"),
        (b"42", "application/json", "application/json", "json"),
        (b"42", None, "text/plain", "txt"),
        (b"a,b\n1,2\n", "text/csv; charset=utf-8", "text/csv", "csv"),
        (b"a,b\n1,2\n", None, "text/plain", "txt"),
        (b"# Title", "text/markdown", "text/markdown", "md"),
        (b"WEBVTT\n\n", "text/plain", "text/vtt", "vtt"),
        (b"1\n00:00:00,000 --> 00:00:01,000\nhi\n", None, "application/x-subrip", "srt"),
        (b"", "text/csv", "text/csv", "csv"),
        (b"", "image/png", "application/octet-stream", "bin"),
        (FTYP + b"isom\0\0\2\0isomiso2", "image/png", "video/mp4", "mp4"),
        (FTYP + b"qt  \0\0\2\0qt      ", "video/mp4", "video/quicktime", "mov"),
        (b"\0\0\x08\0moov\0\0\0\0", None, "video/quicktime", "mov"),
        (FTYP + b"M4A \0\0\2\0M4A isom", "video/mp4", "audio/mp4", "m4a"),
        (FTYP + b"heic\0\0\0\0mif1heic", None, "image/heic", "heic"),
        (FTYP + b"mif1\0\0\0\0mif1avif", None, "image/avif", "avif"),
        (FTYP + b"what\0\0\0\0whatever", "video/mp4", "application/octet-stream", "bin"),
        (EBML + b"\x88matroska\0V_MPEG4", "video/webm", "video/x-matroska", "mkv"),
        (EBML + b"\x84webm\0A_OPUS", "video/webm", "audio/webm", "weba"),
        (b"ID3\x04\0\0\0\0\0\0", "audio/wav", "audio/mpeg", "mp3"),
        (b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + bytes(8), None, "image/x-icon", "ico"),
        (
            crafted.safetensors(),
            "application/octet-stream",
            "application/octet-stream",
            "safetensors",
        ),
        (b"\x93NUMPY\1\0", None, "application/octet-stream", "npy"),
        (gzip.compress(b"x", mtime=0), None, "application/gzip", "gz"),
        (tar(), None, "application/x-tar", "tar"),
        (crafted.glb(), "application/octet-stream", "model/gltf-binary", "glb"),
        (b"%PDF-1.7\n", "image/jpeg", "application/pdf", "pdf"),
        (b"PK\x05\x06" + bytes(18), None, "application/zip", "zip"),
        (b"\xff\xfb only looks like sound", "image/png", "application/octet-stream", "bin"),
        (bytes(range(256)) * 4, "image/png", "application/octet-stream", "bin"),
    ],
)
def test_the_bytes_say_what_a_file_is(content, declared, type_, extension):
    seen = recognise(content[:SNIFF_BYTES], declared)

    assert (seen.type, seen.extension) == (type_, extension)


BEGINNINGS = st.sampled_from(
    [
        b"",
        b"RIFF",
        b"\0\0\0\x18ftyp",
        b"\xff",
        b"BM",
        b"\0\0\1\0",
        b"<!doctype ",
        b"<?xml ",
        b"{",
        b"OggS",
    ]
)


@given(BEGINNINGS, st.binary(max_size=200), st.one_of(st.none(), st.text(max_size=30)))
def test_any_bytes_are_something(beginning, rest, declared):
    assert recognise(beginning + rest, declared).extension


def test_a_page_is_no_text_to_be_shown():
    assert recognise(crafted.HTML, None).kind == "file"
    assert recognise(b"hello", None).kind == "text"


def test_sound_without_a_tag_is_known_by_two_frames_in_a_row():
    tagless = crafted.sound("mp3", "-id3v2_version", "0", "-write_xing", "0")

    assert tagless[0] == 0xFF
    assert recognise(tagless[:SNIFF_BYTES], "application/octet-stream").type == "audio/mpeg"
    assert recognise(crafted.sound("aac")[:SNIFF_BYTES], None).type == "audio/aac"
