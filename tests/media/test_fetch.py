"""A file comes whole or not at all, whatever its host does on the way."""

import itertools
import os
import ssl
import tracemalloc
from hashlib import sha256

import pytest

from fixative.errors import OutputExpired, OutputForbidden, OutputTooLarge, OutputUnreachable
from fixative.hosts import AllowedHosts
from fixative.media.fetch import Fetcher
from fixative.media.transfer import PROGRESS
from tests.media.nasty_server import (
    CONTENT,
    ETAG,
    answer,
    chunked,
    drip,
    nasty,
    part,
    start,
    then_reset,
)

DATED = "Sat, 01 Mar 2025 10:00:00 GMT"
RESUMABLE = (
    b'HTTP/1.1 200 OK\r\nContent-Length: 300000\r\nAccept-Ranges: bytes\r\nETag: "1"\r\n\r\n'
)
AT_ONCE = (0.0, 0.0, 0.0)  # the pauses before resumes


def fetcher_of(server, max_bytes=10**9, total_seconds=60.0, pauses=AT_ONCE):
    allowed = AllowedHosts((server.origin,))
    return Fetcher(
        allowed,
        max_bytes,
        total_seconds=total_seconds,
        pauses=pauses,
        tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # faster than this system's roots
    )


def fetch(server, **options):
    with fetcher_of(server, **options).open(f"{server.origin}/a.bin") as download:
        return b"".join(download.chunks)


def test_a_file_comes_with_its_type_and_its_length():
    with (
        nasty(answer(content_type="image/png")) as server,
        fetcher_of(server).open(server.origin) as download,
    ):
        assert (download.declared_type, download.announced) == ("image/png", len(CONTENT))
        assert b"".join(download.chunks) == CONTENT


def test_a_file_in_chunks_is_whole_without_a_length():
    with (
        nasty(chunked([CONTENT[:1000], CONTENT[1000:], b""])) as server,
        fetcher_of(server).open(server.origin) as download,
    ):
        assert download.announced is None
        assert b"".join(download.chunks) == CONTENT


@pytest.mark.parametrize("end", [lambda behave: behave, then_reset])
def test_a_cut_file_is_continued_where_it_was_cut(end):
    with nasty(end(start(100_000)), part(100_000)) as server:
        pieces = fetch(server)

    assert sha256(pieces).digest() == sha256(CONTENT).digest()
    [_, again] = server.requests
    assert (again["range"], again["if-range"]) == ("bytes=100000-", ETAG)


def test_a_file_that_is_cut_twice_is_continued_twice():
    with nasty(start(1), part(1, 200_000), part(200_000)) as server:
        assert fetch(server) == CONTENT

    assert [asked.get("range") for asked in server.requests] == [
        *(None, "bytes=1-", "bytes=200000-")
    ]


def test_without_a_strong_etag_the_date_tells_the_file():
    dated = {"etag": 'W/"one"', "last_modified": DATED}
    with nasty(start(10, **dated), part(10, **dated)) as server:
        assert fetch(server) == CONTENT

    assert server.requests[1]["if-range"] == DATED


def test_a_host_that_falters_between_is_asked_again():
    with nasty(start(10), answer(b"", "503 Busy"), answer(b"", ""), part(10)) as server:
        assert fetch(server) == CONTENT


def test_a_part_that_ends_in_order_before_the_file_does_is_followed_by_the_next():
    short = {"content_range": f"bytes 10-99/{len(CONTENT)}", "content_length": "90"}
    with nasty(start(10), part(10, 100, **short), part(100)) as server:
        assert fetch(server) == CONTENT


def test_progress_makes_up_for_cuts():
    cuts = range(PROGRESS, len(CONTENT), PROGRESS)
    parts = [part(begin, begin + PROGRESS) for begin in cuts]
    with nasty(start(PROGRESS), *parts) as server:
        assert fetch(server, pauses=(0.0,)) == CONTENT


def test_cuts_without_progress_are_enough_some_time():
    with (
        nasty(start(10), part(10, 10)) as server,
        pytest.raises(OutputUnreachable, match=r"cut after 10 bytes: .*expected 299990"),
    ):
        fetch(server)

    assert len(server.requests) == 1 + len(AT_ONCE)


@pytest.mark.parametrize(
    "headers",
    [
        {"accept_ranges": None},
        {"accept_ranges": "none"},
        {"etag": None},
        {"etag": 'W/"one"'},
    ],
)
def test_what_cannot_be_continued_safely_is_not(headers):
    with (
        nasty(start(10, **headers), part(10)) as server,
        pytest.raises(OutputUnreachable, match="cut after 10 bytes"),
    ):
        fetch(server)

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (answer(etag='"two"'), "not continued at byte 10: '200'"),
        (part(10, etag='"two"'), "its etag did"),
        (part(10, content_range=f"bytes 0-299999/{len(CONTENT)}"), "not continued at byte 10"),
        (part(10, content_range=f"bytes 11-299999/{len(CONTENT)}"), "not continued at byte 10"),
        (part(10, content_range="bytes 10-299999/300001"), "not continued at byte 10"),
        (part(10, content_range="bytes 10-299999/*"), "not continued at byte 10"),
        (part(10, content_range=None), "not continued at byte 10: '206'"),
        (part(9, content_range=f"bytes 10-299999/{len(CONTENT)}"), "more than the 300000 bytes"),
        (part(10, content_encoding="gzip"), "cut after 10 bytes: .* sends 'gzip'"),
        (answer(b"", "416 Range Not Satisfiable"), "cut after 10 bytes: 416"),
    ],
)
def test_a_continuation_that_does_not_fit_is_not_believed(second, why):
    with nasty(start(10), second) as server, pytest.raises(OutputUnreachable, match=why):
        fetch(server)


def test_a_file_that_is_gone_when_it_is_to_be_continued_is_gone():
    with nasty(start(10), answer(b"", "404 Not Found")) as server, pytest.raises(OutputExpired):
        fetch(server)


def test_what_is_sent_behind_the_announced_length_is_no_part_of_the_file():
    with nasty(answer(CONTENT, content_length="1000")) as server:
        assert fetch(server) == CONTENT[:1000]


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (answer(CONTENT, content_length="300001"), "expected 300001"),
        (chunked([CONTENT]), "incomplete chunked read"),
        (answer(CONTENT, content_length=None), "neither a length nor chunks"),
        (answer(CONTENT, content_encoding="gzip"), "sends 'gzip'"),
        (answer(CONTENT, content_length="-1"), "bad Content-Length"),
        (answer(b"", ""), "illegal status line"),
        (answer(b"", "503 Busy"), "503 from 127.0.0.1"),
        (answer(b"", "204 No Content"), "204 from 127.0.0.1"),
        (answer(b"", "302 Found"), "302 from 127.0.0.1"),
        (part(0), "a part of the file, which was not asked for"),
    ],
)
def test_half_a_file_or_another_is_not_taken_for_it(behave, why):
    with nasty(behave) as server, pytest.raises(OutputUnreachable, match=why) as raised:
        fetch(server)

    assert raised.value.retryable


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_that_replicate_deleted_is_expired(status):
    with (
        nasty(answer(b"", f"{status} Gone")) as server,
        pytest.raises(OutputExpired, match=f"{status} from 127.0.0.1"),
    ):
        fetch(server)


def test_a_host_that_takes_no_connection_is_unreachable():
    with nasty() as server:
        pass

    with pytest.raises(OutputUnreachable, match="takes no connection"):
        fetch(server)


def test_a_file_that_is_announced_too_large_is_not_begun():
    with (
        nasty(answer(CONTENT)) as server,
        pytest.raises(OutputTooLarge, match="300000 bytes, more than 299999"),
        fetcher_of(server, max_bytes=len(CONTENT) - 1).open(server.origin),
    ):
        pytest.fail("it was begun")


def test_a_body_without_end_is_stopped_at_the_limit():
    with (
        nasty(chunked(itertools.repeat(CONTENT))) as server,
        pytest.raises(OutputTooLarge, match="more than 2000000"),
    ):
        fetch(server, max_bytes=2_000_000)


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"", b""),
        (b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", b"1"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n1\r\n"),
        (RESUMABLE, b"1"),
    ],
)
def test_a_trickle_meets_the_deadline(head, drop):
    with nasty(drip(head, drop)) as server, pytest.raises(OutputUnreachable):
        fetch(server, total_seconds=0.5)

    assert len(server.requests) == 1


def test_a_file_takes_no_memory_worth_its_size():
    size, block = 0, CONTENT[: 64 * 1024]
    blocks = itertools.chain(itertools.repeat(block, 1000), [b""])
    with nasty(chunked(blocks)) as server, fetcher_of(server).open(server.origin) as download:
        tracemalloc.start()
        for chunk in download.chunks:
            size += len(chunk)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert size == 64 * 1024 * 1000
    assert peak < 4 * 2**20


def test_a_host_learns_nothing_of_ours(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login us password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:9")
    with nasty(answer(set_cookie="seen=1; Path=/")) as server:
        fetcher = fetcher_of(server)
        for _ in range(2):
            with fetcher.open(f"{server.origin}/a.bin") as download:
                assert b"".join(download.chunks) == CONTENT

    asked = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "fixative"}
    assert server.requests == [{"host": f"127.0.0.1:{server.port}", **asked}] * 2


def test_a_data_uri_has_a_length_and_a_limit():
    fetcher = Fetcher(AllowedHosts(()), 4)

    with fetcher.open("data:text/plain,abcd") as download:
        assert download.announced == 4
    with pytest.raises(OutputTooLarge), fetcher.open("data:text/plain,abcde"):
        pass


@pytest.mark.parametrize(
    ("uri", "content"),
    [
        ("data:image/png;base64,AAECAw==", bytes(range(4))),
        ("data:image/png;BASE64,AAEC Aw==", bytes(range(4))),
        ("data:image/png;base64,AAECAw%3D%3D", bytes(range(4))),
        ("data:text/plain,a%20b", b"a b"),
    ],
)
def test_a_data_uri_is_read_as_it_is_written(uri, content):
    with Fetcher(AllowedHosts(()), 1000).open(uri) as download:
        assert b"".join(download.chunks) == content


@pytest.mark.parametrize("data", ["AAAA****AAAA", "AAA", "A=AA"])
def test_a_data_uri_with_anything_else_in_it_is_refused_and_not_altered(data):
    with (
        pytest.raises(OutputForbidden, match="not a readable data: URI"),
        Fetcher(AllowedHosts(()), 1000).open(f"data:image/png;base64,{data}"),
    ):
        pass
