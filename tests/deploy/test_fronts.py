"""What stands before the API lets through what is for the world, and nothing else."""

import shutil
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.deploy.fronts import caddy, nginx

pytestmark = pytest.mark.wide

MIB = 2**20

needs_nginx = pytest.mark.skipif(
    shutil.which("nginx") is None, reason="no nginx here: Debian has it in `nginx-light`"
)


@pytest.fixture(scope="module", params=[caddy, pytest.param(nginx, marks=needs_nginx)])
def front(request, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp("front")) as client:
        yield client


@pytest.fixture
def nginx_alone(tmp_path):
    with nginx(tmp_path) as client:
        yield client


@pytest.mark.parametrize("path", ["/jobs/1?q=a%20b", "/ui/login", "/v1/models", "/media/1/a%2Fb"])
def test_what_is_for_the_world_arrives_as_it_was_sent(front, path):
    assert front.get(path).json()["path"] == path


@pytest.mark.parametrize(
    "path", ["/metrics", "/admin", "/admin/keys", "//admin/keys", "/%61dmin/keys", "/ui/../metrics"]
)
def test_what_is_for_operators_is_not_there(front, path):
    as_it_is = front.base_url.copy_with(raw_path=path.encode())
    assert front.get(as_it_is).status_code == 404


@pytest.mark.parametrize("path", ["/webhook/replicate", "/api/webhooks/replicate"])
def test_a_webhook_is_posted_or_refused(front, path):
    assert front.get(path).status_code == 405
    assert front.put(path, content=b"{}").status_code == 405
    assert front.post(path, content=b"{}").json()["bytes"] == 2


def test_a_body_over_the_api_s_limit_does_not_arrive(front):
    for _ in range(5):  # what is left of one body is not taken for a request
        assert front.post("/jobs", content=bytes(26 * MIB)).status_code == 413
        assert front.get("/jobs").json()["path"] == "/jobs"


def test_a_file_may_be_larger(front):
    assert front.post("/files", content=bytes(26 * MIB)).json()["bytes"] == 26 * MIB


def test_nobody_chooses_the_address_that_the_api_is_told(front):
    told = front.get("/jobs", headers={"X-Forwarded-For": "203.0.113.9"}).json()["from"]
    assert told in {"127.0.0.1", "::1"}


def test_browsers_are_told_to_come_by_tls_only(front):
    assert "max-age" in front.get("/ui/").headers["Strict-Transport-Security"]


@contextmanager
def connected(front):
    """A connection that says only what it is told to."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", front.base_url.port), timeout=30) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        yield connection


@pytest.mark.parametrize("ending", [b"\r\n1234", b""], ids=["half a body", "half a header"])
def test_who_sends_slowly_holds_the_front_and_not_the_api(front, ending):
    path = f"/slow/{len(ending)}"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n".encode()

    def has_reached():
        return path in front.get("/jobs").json()["reached"]

    with connected(front) as slow:
        slow.sendall(head + ending)
        assert not any(has_reached() for _ in range(20))
        slow.sendall(b"1234" if ending else b"\r\n12345678")
        assert slow.recv(100).startswith(b"HTTP/1.1 200")
    assert has_reached()


@needs_nginx
def test_nginx_lets_nobody_try_one_key_after_the_other(nginx_alone):
    answers = {nginx_alone.post("/ui/login", content=b"key=x").status_code for _ in range(12)}
    assert answers == {200, 429}


@needs_nginx
def test_nginx_lets_nobody_flood_the_jobs_but_replicate_tell_what_it_has(nginx_alone):
    def answers(path):
        def post(_):
            return nginx_alone.post(path, content=b"{}").status_code

        with ThreadPoolExecutor(8) as threads:  # faster than is let through
            return set(threads.map(post, range(300)))

    assert answers("/jobs") == {200, 429}
    assert answers("/webhook/replicate") == {200}
