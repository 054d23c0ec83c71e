"""The bucket: whole objects or none, encrypted as asked, listed and removed by the thousand."""

import io
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import repeat

import pytest

from fixative.cli.s3 import s3_of
from fixative.errors import BucketError, OutputUnreachable, WrongSetting
from fixative.media.bucket import Bucket
from fixative.media.reader import HashingReader
from fixative.media.upload import PART
from fixative.settings import load_settings
from tests.served import served


@pytest.fixture
def s3(settings):
    """The bucket, seen by a client of our own."""
    return s3_of(settings)


@pytest.fixture
def prefix(services):
    return f"{services.settings.s3_prefix}/bucket"


def unfinished(s3, settings):
    return s3.list_multipart_uploads(Bucket=settings.s3_bucket).get("Uploads", [])


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART + 7])
def test_what_is_put_comes_back_byte_for_byte(services, prefix, size):
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]

    services.bucket.put(f"{prefix}/{size}", io.BytesIO(content), "application/octet-stream")

    assert services.bucket.read(f"{prefix}/{size}") == content


def test_a_source_that_breaks_leaves_nothing_behind(services, prefix, s3, settings):
    def breaking():
        yield from repeat(b"x" * 2**20, 20)
        raise OutputUnreachable("cut")

    with pytest.raises(OutputUnreachable, match="cut"):
        services.bucket.put(f"{prefix}/broken", HashingReader(breaking()), "image/png")

    assert services.bucket.head(f"{prefix}/broken") is None
    assert unfinished(s3, settings) == []


def test_a_folder_goes_with_all_it_holds_and_nothing_beside_it(services, prefix):
    for name in (*(f"a/{number}" for number in range(12)), "b/0", "ab"):
        services.bucket.put(f"{prefix}/{name}", io.BytesIO(b"x"), "text/plain")

    services.bucket.delete_folder(f"{prefix}/a/")

    left = [found.key.removeprefix(f"{prefix}/") for found in services.bucket.listing(prefix)]
    assert left == ["ab", "b/0"]


def test_objects_are_encrypted_as_the_setting_says(environ, services, prefix, s3, settings):
    bucket = Bucket(load_settings({**environ, "S3_SSE": "AES256"}))

    for size in (10, PART + 1):
        bucket.put(f"{prefix}/{size}", io.BytesIO(b"x" * size), "image/png")
        found = s3.head_object(Bucket=settings.s3_bucket, Key=f"{prefix}/{size}")
        assert found["ServerSideEncryption"] == "AES256"
        assert len(bucket.read(f"{prefix}/{size}")) == size
    bucket.close()


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"S3_SSE": "rot13"}, "S3_SSE"),
        ({"S3_KMS_KEY_ID": "key"}, "S3_KMS_KEY_ID"),
        ({"S3_KMS_KEY_ID": "key", "S3_SSE": "AES256"}, "S3_KMS_KEY_ID"),
        ({"S3_ACCELERATE": "true"}, "S3_ACCELERATE"),  # the tests' bucket is not AWS's
    ],
)
def test_settings_that_do_not_go_together_stop_the_start(environ, variables, named):
    with pytest.raises(WrongSetting, match=named):
        load_settings({**environ, **variables})


def test_a_script_is_stored_as_something_to_save(services, prefix, s3, settings):
    for type_, shown in (("image/svg+xml", "attachment"), ("image/png", "inline")):
        services.bucket.put(f"{prefix}/{shown}", io.BytesIO(b"x"), type_)
        found = s3.head_object(Bucket=settings.s3_bucket, Key=f"{prefix}/{shown}")
        assert found["ContentDisposition"] == shown


class CutShort(BaseHTTPRequestHandler):
    """Says more than it gives."""

    def do_GET(self):
        self.send_response(self.server.status)
        self.send_header("Content-Length", "100")
        self.send_header("Content-Type", "text/plain")
        self.send_header("ETag", '"any"')
        self.end_headers()
        self.wfile.write(b"not all")
        self.close_connection = True

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.mark.parametrize("status", [200, 403])
@pytest.mark.parametrize("read", [Bucket.read, lambda *of: b"".join(Bucket.chunks(*of))])
def test_an_answer_that_is_cut_short_is_no_object_and_may_be_whole_later(settings, read, status):
    with served(HTTPServer(("127.0.0.1", 0), CutShort)) as server:
        server.status = status
        url = f"http://127.0.0.1:{server.server_port}"
        bucket = Bucket(settings.model_copy(update={"s3_endpoint_url": url}))
        with pytest.raises(BucketError):
            read(bucket, "any")
        bucket.close()
