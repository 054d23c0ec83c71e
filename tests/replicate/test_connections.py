"""What Replicate's end of a connection may do, and what we then know of the request."""

import gzip
import json
import math
import socket
import struct
import threading
import time
from contextlib import closing

import httpx
import pytest
from pydantic import SecretStr

from fixative.errors import NoAnswer, NotSent
from fixative.replicate.client import Replicate
from fixative.replicate.target import Target
from fixative.replicate.transport import Transport

TOTAL = 1.0
PATIENCE = 20.0  # far beyond the total, far below a hang

HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"


@pytest.fixture
def streamed():
    """Read an answer of that client's server as it comes."""
    transport = Transport(TOTAL, SecretStr("r8_test"))

    def read(client):
        with closing(transport.open(httpx.Request("GET", client._client._base_url))) as answer:
            return answer.status, b"".join(answer)

    yield read
    transport.close()


@pytest.fixture
def served_by():
    """A client of a server that does `behave(connection, over)` with every connection."""
    over, listening, received = threading.Event(), socket.create_server(("127.0.0.1", 0)), []
    clients = []

    def serve(behave):
        def run():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    try:
                        behave(connection, received, over)
                    except OSError:
                        continue  # the client has gone

        threading.Thread(target=run, daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        clients.append(Replicate(url, SecretStr("r8_test"), total_seconds=TOTAL))
        return clients[-1], received

    yield serve
    over.set()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    for client in clients:
        client.close()


def create(client, prompt="a cat", begin_by=math.inf):
    return client.create(
        Target("black-forest-labs/flux-schnell"),
        {"prompt": prompt},
        webhook=None,
        cancel_after=60,
        begin_by=begin_by,
    )


def read_request(connection, received):
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0].split(b":")[1]):
        body += connection.recv(65536)
    received.append(body)


def drip_headers(connection, received, over):
    read_request(connection, received)
    connection.sendall(HEAD)
    while not over.wait(0.05):
        connection.sendall(b"X-Drip: 1\r\n")


def drip_body(connection, received, over):
    read_request(connection, received)
    connection.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n")
    while not over.wait(0.05):
        connection.sendall(b" ")


def never_answer(connection, received, over):
    read_request(connection, received)
    over.wait(60)


def sip(connection, received, over):
    while not over.wait(0.05):
        connection.recv(1000)


def close_at_once(connection, received, over):
    pass


def reset_after_reading(connection, received, over):
    read_request(connection, received)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def stop_in_the_middle(connection, received, over):
    read_request(connection, received)
    connection.sendall(HEAD + b'Content-Length: 1000\r\n\r\n{"id": ')


def answer_in_gzip(connection, received, over):
    for _ in range(2):
        read_request(connection, received)
        body = gzip.compress(json.dumps({"id": "p", "n": len(received)}).encode())
        length = f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(HEAD + length.encode() + body)


def answer_and_close(connection, received, over):
    read_request(connection, received)
    connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize("behave", [drip_headers, drip_body, never_answer])
def test_an_answer_that_does_not_come_in_time_is_none(served_by, behave):
    client, received = served_by(behave)
    began = time.monotonic()

    with pytest.raises(NoAnswer):
        create(client)

    assert TOTAL <= time.monotonic() - began < PATIENCE
    assert len(received) == 1


@pytest.mark.parametrize("behave", [drip_headers, drip_body, never_answer])
def test_an_answer_that_is_streamed_ends_in_time_too(served_by, streamed, behave):
    client, received = served_by(behave)
    began = time.monotonic()

    with pytest.raises(NoAnswer):
        streamed(client)

    assert TOTAL <= time.monotonic() - began < PATIENCE
    assert len(received) == 1


def test_a_streamed_answer_comes_whole(served_by, streamed):
    assert streamed(served_by(answer_and_close)[0]) == (201, b"{}")


def test_a_streamed_answer_that_breaks_off_is_not_taken_for_whole(served_by, streamed):
    with pytest.raises(NoAnswer):
        streamed(served_by(stop_in_the_middle)[0])


def test_a_request_that_is_taken_in_sips_ends_in_time_and_may_have_arrived(served_by):
    client, _ = served_by(sip)
    began = time.monotonic()

    with pytest.raises(NoAnswer):
        create(client, "a" * 2**25)

    assert time.monotonic() - began < PATIENCE


@pytest.mark.parametrize("behave", [close_at_once, reset_after_reading, stop_in_the_middle])
def test_a_connection_lost_once_it_was_made_may_have_brought_the_request(served_by, behave):
    client, received = served_by(behave)

    with pytest.raises(NoAnswer):
        create(client)

    assert len(received) <= 1


def test_where_nobody_listens_nothing_was_sent():
    client = Replicate("http://127.0.0.1:1", SecretStr("r8_test"), total_seconds=TOTAL)

    with pytest.raises(NotSent):
        create(client)


def test_where_no_connection_is_made_in_time_nothing_was_sent():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        client = Replicate(
            f"http://127.0.0.1:{full.getsockname()[1]}", SecretStr("r8"), total_seconds=TOTAL
        )
        began = time.monotonic()

        with pytest.raises(NotSent):
            create(client)

        assert time.monotonic() - began < PATIENCE
        for one in waiting:
            one.close()


def test_a_tls_handshake_that_is_not_answered_ends_in_time_and_nothing_was_sent(served_by):
    client, _ = served_by(sip)
    port = client._client._base_url.rpartition(":")[2]
    secured = Replicate(f"https://127.0.0.1:{port}", SecretStr("r8_test"), total_seconds=TOTAL)
    began = time.monotonic()

    with pytest.raises(NotSent):
        create(secured)

    assert time.monotonic() - began < PATIENCE


def test_a_kept_connection_carries_the_next_request_and_compressed_answers(served_by):
    client, received = served_by(answer_in_gzip)

    answers = [create(client), create(client)]

    assert answers == [{"id": "p", "n": 1}, {"id": "p", "n": 2}]
    assert json.loads(received[0]) == {"input": {"prompt": "a cat"}}


def test_a_kept_connection_that_was_closed_is_not_used_again(served_by, eventually):
    client, received = served_by(answer_and_close)

    for _ in range(5):
        assert create(client) == {}
        kept = client._transport._pool.connections
        eventually(lambda kept=kept: all(one.has_expired() for one in kept))

    assert len(received) == 5


def test_who_comes_to_the_first_byte_too_late_sends_none(served_by):
    client, received = served_by(lambda link, got, _: got.append(link.recv(65536)))

    with pytest.raises(NotSent, match="too late"):
        create(client, begin_by=time.monotonic() - 0.001)

    assert received in ([], [b""])  # the server saw at most a connection that ended
