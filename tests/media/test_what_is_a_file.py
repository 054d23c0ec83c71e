"""Which strings in an output are files, from where they may be fetched, and what they are."""

import pytest

from fixative.errors import OutputForbidden
from fixative.hosts import AllowedHosts
from fixative.media.content import recognise
from fixative.media.fetch import Fetcher
from fixative.media.outputs import find_files, is_structured, put_at, text_of

ALLOWED = AllowedHosts(("replicate.delivery", "*.replicate.delivery", "http://127.0.0.1:9100"))
A, B = "https://replicate.delivery/a.png", "https://x.replicate.delivery/b.mp4"


@pytest.mark.parametrize(
    "url", [A, B, "http://127.0.0.1:9100/c", "https://replicate.delivery:443/"]
)
def test_files_come_from_allowed_hosts_and_origins(url):
    assert ALLOWED.allows(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://replicate.delivery/a.png",
        "https://replicate.delivery:8443/a.png",
        "https://replicate.delivery.evil.example/a.png",
        "https://evil.example/replicate.delivery",
        "https://user:secret@replicate.delivery/a.png",
        "https://127.0.0.1:9100/c",
        "http://127.0.0.1:9101/c",
        "http://localhost:9100/c",
        "ftp://replicate.delivery/a.png",
        "//replicate.delivery/a.png",
        "https://replicate.delivery:99999/a.png",
        "https://[::1/a.png",
    ],
)
def test_nothing_else_is_fetched(url):
    assert not ALLOWED.allows(url)


@pytest.mark.parametrize(
    ("output", "pointers"),
    [
        (None, []),
        (42, []),
        ("hello", []),
        (A, [[]]),
        ([A, "text", B], [[0], [2]]),
        ({"a": {"deep": [1, {"b": B}]}, "x": A}, [["a", "deep", 1, "b"], ["x"]]),
        ("data:text/plain,hi", [[]]),
        (["https://example.org/not-ours.png"], []),
        (["data:", " is plural"], []),
        ("data: is plural, they say", []),
        (f"{A} is the picture", []),
        (f"{A}\n", []),
    ],
)
def test_files_are_found_in_any_json(output, pointers):
    found = find_files(output, ALLOWED)

    assert [pointer for file in found for pointer in file.pointers] == pointers


def test_the_same_file_twice_is_fetched_once():
    [file] = find_files([A, A], ALLOWED)

    assert file.pointers == [[0], [1]]


def test_text_is_joined_less_its_files():
    output = ["a ", A, "cat"]

    assert text_of(output, find_files(output, ALLOWED)) == "a cat"
    assert text_of([A], find_files([A], ALLOWED)) is None
    assert text_of({"a": "b"}, []) is None


def test_only_what_is_more_than_text_and_files_is_structured():
    assert [is_structured(o) for o in (None, [], "x", ["x", A], {"x": 1}, [1], 0, False)] == [
        *(False, False, False, False),
        *(True, True, True, True),
    ]


def test_putting_values_in_place_leaves_the_original_alone():
    output = {"a": [A, 1]}

    assert put_at(output, [(["a", 0], "durable")]) == {"a": ["durable", 1]}
    assert output == {"a": [A, 1]}
    assert put_at(A, [([], "durable")]) == "durable"


@pytest.mark.parametrize(
    ("head", "declared", "type_"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "text/plain", "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", None, "image/jpeg"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "application/octet-stream", "audio/wav"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", None, "image/webp"),
        (b"\xff\xfb\x90\x00" * 9, "audio/mpeg", "audio/mpeg"),
        (b"hello", "text/plain; charset=utf-8", "text/plain"),
        ("é".encode() * 3000, "text/plain", "text/plain"),
        (b"\xff\x00\xfe", "text/plain", "application/octet-stream"),
        (b'{"a": 1}', "application/json", "application/json"),
        (b"", None, "application/octet-stream"),
        (b"whatever", "image/png", "text/plain"),
    ],
)
def test_a_type_is_told_by_content_not_by_name(head, declared, type_):
    assert recognise(head[:4096], declared).type == type_


def test_a_data_uri_is_read_without_any_network():
    fetcher = Fetcher(ALLOWED, 100)
    with fetcher.open("data:text/plain;base64,aGk=") as plain, fetcher.open("data:,a%20b") as bare:
        assert (b"".join(plain.chunks), b"".join(bare.chunks)) == (b"hi", b"a b")
    with pytest.raises(OutputForbidden), fetcher.open("data:image/png;base64,a"):
        pass


def test_a_url_that_is_not_allowed_is_never_opened():
    fetcher = Fetcher(ALLOWED, 100)
    with pytest.raises(OutputForbidden), fetcher.open("http://127.0.0.1:9/x"):
        pass
