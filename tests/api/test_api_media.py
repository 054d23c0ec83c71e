"""Stored files over HTTP: whole, in part, and never to strangers."""

import io
import uuid
from hashlib import sha256

import httpx
import pytest
from sqlalchemy import insert, update

from api import bodies
from fixative.errors import BucketError
from fixative.postgres.media_tables import Media
from fixative.postgres.tables import Attempt, Job

BYTES = bytes(range(256)) * 2000


@pytest.fixture
def store(services, database, submit):
    """Store bytes as a file of a new job; its address."""

    def put(content=BYTES, name="original.png", content_type="image/png", *, lost=False):
        job_id, attempt_id = submit(), uuid.uuid4()
        key = f"tests/{job_id}/{name}"
        if not lost:
            services.bucket.put(key, io.BytesIO(content), content_type)
        with database.begin() as session:
            session.execute(insert(Attempt).values(id=attempt_id, job_id=job_id, number=1))
            session.execute(update(Job).where(Job.id == job_id).values(attempt_id=attempt_id))
            session.add(
                Media(
                    id=uuid.uuid4(),
                    job_id=job_id,
                    attempt_id=attempt_id,
                    index=0,
                    role="original",
                    name=name,
                    key=key,
                    kind="image",
                    content_type=content_type,
                    bytes=len(content),
                    sha256=sha256(content).hexdigest(),
                    pointers=[[]],
                )
            )
        return f"/media/{job_id}/{name}"

    return put


def test_a_stored_file_comes_back_whole(api, store):
    address = store()

    answer = api.get(address)

    assert (answer.status_code, answer.data) == (200, BYTES)
    assert answer.headers["ETag"] == f'"{sha256(BYTES).hexdigest()}"'
    assert (answer.content_type, answer.content_length) == ("image/png", len(BYTES))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert set(answer.headers["Cache-Control"].split(", ")) >= {"private", "immutable"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == "inline; filename=original.png"


def test_the_address_in_the_job_is_where_the_file_is(api, store):
    job_id = store(name="attempt-2/original.png").split("/")[2]

    (media,) = api.get(f"/jobs/{job_id}").json["media"]

    address, _, signature = media["url"].partition("?sig=")
    assert address == f"http://localhost/media/{job_id}/attempt-2/original.png"
    assert api.get(address).data == BYTES
    assert signature


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer r8_of_another_service"}])
def test_a_link_opens_its_file_without_our_key_and_whatever_key_comes_along(
    api, stranger, store, header
):
    job_id = store().split("/")[2]
    (media,) = api.get(f"/jobs/{job_id}").json["media"]

    assert stranger.get(media["url"], headers=header).data == BYTES
    assert stranger.head(media["url"], headers=header).status_code == 200


def test_a_link_opens_no_other_file_and_a_wrong_one_none(api, stranger, store, refused):
    first, second = store(), store()
    (media,) = api.get(f"/jobs/{first.split('/')[2]}").json["media"]
    signature = media["url"].partition("?sig=")[2]

    refused(stranger.get(f"{second}?sig={signature}"), 401)
    refused(stranger.get(f"{first}?sig={signature[:-1]}"), 401)
    refused(stranger.get(f"{first}?sig="), 401)
    refused(stranger.get(f"{first}?sig=\u00fc"), 401)


def test_an_address_in_the_bucket_is_given_for_an_hour(api, store):
    answer = api.get(store(content_type="image/svg+xml"), query_string={"presign": "1"})

    assert set(answer.json) == {"url", "expires_at"}
    found = httpx.get(answer.json["url"])
    assert (found.status_code, found.content) == (200, BYTES)
    assert found.headers["content-type"] == "image/svg+xml"
    assert found.headers["content-disposition"].startswith("attachment")


def test_what_could_run_runs_nothing(api, store):
    answer = api.get(store(content_type="image/svg+xml"))

    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_head_tells_of_it_without_its_bytes(api, store):
    address = store()

    answer = api.head(address)

    assert (answer.status_code, answer.data) == (200, b"")
    expected = dict(api.get(address).headers)
    assert {**answer.headers, "X-Request-Id": ""} == {**expected, "X-Request-Id": ""}


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-299999", 100, 300_000),
        ("bytes=500000-", 500_000, len(BYTES)),
        ("bytes=-10", len(BYTES) - 10, len(BYTES)),
        ("bytes=10-99999999", 10, len(BYTES)),
        ("bytes=-99999999", 0, len(BYTES)),
    ],
)
def test_one_range_is_206(api, store, asked, start, stop):
    answer = api.get(store(), headers={"Range": asked})

    assert (answer.status_code, answer.data) == (206, BYTES[start:stop])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(BYTES)}"
    assert answer.content_length == stop - start


def test_a_range_means_nothing_to_head(api, store):
    answer = api.head(store(), headers={"Range": "bytes=0-0"})

    assert (answer.status_code, answer.content_length) == (200, len(BYTES))


def test_whoever_has_it_by_a_proxys_weak_word_is_told_so(api, store):
    answer = api.get(store(), headers={"If-None-Match": f'W/"{sha256(BYTES).hexdigest()}"'})

    assert answer.status_code == 304


@pytest.mark.parametrize("asked", ["bytes=600000-", "bytes=512000-512001"])
def test_a_range_beyond_the_end_is_416(api, store, refused, asked):
    answer = api.get(store(), headers={"Range": asked})

    refused(answer, 416)
    assert answer.headers["Content-Range"] == f"bytes */{len(BYTES)}"


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-1,5-6"},
        {"Range": "lines=1-2"},
        {"Range": "bytes=x"},
        {"Range": "bytes=5-1"},
        {"Range": "bytes=0-1", "If-Range": '"another"'},
        {"Range": "bytes=0-1", "If-Range": "Wed, 21 Oct 2015 07:28:00 GMT"},
    ],
)
def test_a_range_that_may_be_ignored_is(api, store, headers):
    assert api.get(store(), headers=headers).status_code == 200


def test_a_range_of_the_same_file_still_is_206(api, store):
    headers = {"Range": "bytes=0-1", "If-Range": f'"{sha256(BYTES).hexdigest()}"'}

    assert api.get(store(), headers=headers).data == BYTES[:2]


def test_who_has_it_already_gets_304(api, store):
    etag = f'"{sha256(BYTES).hexdigest()}"'

    answer = api.get(store(), headers={"If-None-Match": f'"other", {etag}'})

    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", etag)


def test_an_empty_file_is_a_file(api, store, refused):
    address = store(b"")

    assert (api.get(address).status_code, api.get(address).content_length) == (200, 0)
    refused(api.get(address, headers={"Range": "bytes=0-"}), 416)


@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        ("image/webp", "inline"),
        ("video/mp4", "inline"),
        ("audio/mpeg", "inline"),
        ("text/plain; charset=utf-8", "inline"),
        ("application/json", "inline"),
        ("text/html", "attachment"),
        ("image/svg+xml", "attachment"),
        ("application/xhtml+xml", "attachment"),
        ("application/octet-stream", "attachment"),
    ],
)
def test_only_what_carries_no_script_is_shown_by_a_browser(api, store, content_type, shown):
    answer = api.head(store(b"x", "attempt-2/original.bin", content_type))

    assert answer.content_type == content_type
    assert answer.headers["Content-Disposition"] == f"{shown}; filename=attempt-2-original.bin"


@pytest.mark.parametrize("name", ["original.jpg", "%00", "..", "../x", "original.png/", "%ff"])
def test_a_name_that_is_not_there_is_404(api, store, refused, name):
    address = store()

    refused(api.get(address.replace("original.png", name)), 404)


def test_a_file_is_for_its_owner_and_the_admin_only(store, client_of, admin, refused, stranger):
    address = store()

    refused(client_of("others").get(address), 404)
    refused(stranger.get(address), 401)
    assert admin.get(address).status_code == 200


def test_a_file_that_the_bucket_lost_is_503_and_no_empty_answer(api, store, refused):
    refused(api.get(store(lost=True)), 503)


class Slow:
    """A bucket whose bodies are under way until they are closed."""

    def __init__(self, bucket):
        self.bucket = bucket
        self.open = 0
        self.broken = False

    def check(self):
        self.bucket.check()

    def get(self, key, byte_range=None):
        if self.broken:
            raise BucketError("gone")
        found = self.bucket.get(key, byte_range)
        self.open += 1
        close = found.body.close

        def closed():
            self.open -= 1
            close()

        found.body.close = closed
        return found


def test_more_bodies_than_a_process_sends_are_503_and_every_one_is_closed(
    new_app, services, store, api, refused
):
    bucket = Slow(services.bucket)
    address = store(b"few")
    headers = {"Authorization": api.environ_base["HTTP_AUTHORIZATION"]}
    client = new_app(bucket=bucket).test_client()

    under_way = [client.get(address, headers=headers) for _ in range(bodies.MOST_AT_ONCE)]
    assert bucket.open == bodies.MOST_AT_ONCE
    too_many = client.get(address, headers=headers)
    refused(too_many, 503)
    assert int(too_many.headers["Retry-After"]) > 0
    assert client.head(address, headers=headers).status_code == 200

    for answer in under_way:
        answer.close()
        answer.close()
    assert bucket.open == 0
    with client.get(address, headers=headers) as answer:
        assert answer.data == b"few"


def test_a_bucket_that_fails_takes_no_place_away(new_app, services, store, api):
    bucket = Slow(services.bucket)
    bucket.broken = True
    address = store()
    headers = {"Authorization": api.environ_base["HTTP_AUTHORIZATION"]}
    client = new_app(bucket=bucket).test_client()

    for _ in range(bodies.MOST_AT_ONCE + 1):
        assert client.get(address, headers=headers).status_code == 503
    bucket.broken = False
    with client.get(address, headers=headers) as answer:
        assert answer.status_code == 200
