"""Input files over HTTP: taken in whole or not at all, given to their owner and by their link."""

import io
import os
from hashlib import sha256

import httpx
import pytest
from sqlalchemy import select

from api.schemas_files import InputFile
from fixative.media.files import LARGEST
from fixative.media.reader import HashingReader
from fixative.postgres.media_tables import File
from fixative.replicate.form import FileForm

BYTES = b"\x89PNG\r\n\x1a\n" + os.urandom(300_000) + b"\r\n--"
PRESIGN = {"presign": True, "content_type": "image/png", "bytes": 5}


pytestmark = pytest.mark.usefixtures("no_files_of_other_tests")


@pytest.fixture
def rows(database):
    def read():
        with database.begin() as session:
            return list(session.scalars(select(File)))

    return read


@pytest.fixture
def upload(api):
    """Upload a file as its owner; what was answered."""

    def post(content=BYTES, name="cat.png", content_type="image/png", part="content"):
        answer = api.post("/files", data={part: (io.BytesIO(content), name, content_type)})
        assert answer.status_code == 201, answer.text
        return answer.json

    return post


@pytest.fixture
def upload_zeros(api):
    """Upload so many zeros, without the memory for them."""

    def post(size, *, told=True):
        form = FileForm("zeros.bin", "application/octet-stream", size)
        pieces = (bytes(min(2**20, size - at)) for at in range(0, size, 2**20))
        body = {
            "wsgi.input": HashingReader(form.around(pieces)),
            "wsgi.input_terminated": True,
            "CONTENT_TYPE": form.headers["Content-Type"],
        }
        if told:
            body["CONTENT_LENGTH"] = form.headers["Content-Length"]
        return api.post("/files", environ_overrides=body)

    return post


@pytest.mark.parametrize("part", ["content", "file"])
def test_an_uploaded_file_comes_back_byte_for_byte(api, upload, rows, services, part):
    told = upload(part=part)

    InputFile.model_validate(told)
    assert told["sha256"] == sha256(BYTES).hexdigest()
    assert (told["name"], told["content_type"], told["bytes"]) == (
        "cat.png",
        "image/png",
        len(BYTES),
    )
    answer = api.get(f"/files/{told['id']}")
    assert (answer.status_code, answer.data) == (200, BYTES)
    assert (answer.content_type, answer.content_length) == ("image/png", len(BYTES))
    assert answer.headers["ETag"] == f'"{told["sha256"]}"'
    assert answer.headers["Content-Disposition"] == "inline; filename=cat.png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    [row] = rows()
    assert services.bucket.read(row.key) == BYTES
    assert row.stored_at is not None


def test_its_link_opens_without_a_key_and_with_somebody_elses(upload, stranger):
    told = upload()

    assert told["url"].startswith(f"http://localhost/files/{told['id']}?sig=")
    assert stranger.get(told["url"]).data == BYTES
    foreign = {"Authorization": "Bearer r8_a_token_of_replicate"}
    assert stranger.get(told["url"], headers=foreign).data == BYTES
    assert stranger.head(told["url"]).content_length == len(BYTES)


def test_another_signature_opens_nothing(upload, stranger, refused):
    told, other = upload(), upload(b"another")
    signature = other["url"].partition("?")[2]

    refused(stranger.get(f"/files/{told['id']}?{signature}"), 401)
    refused(stranger.get(f"/files/{told['id']}?sig="), 401)
    refused(stranger.get(f"/files/{told['id']}"), 401)


def test_a_file_is_for_its_owner_and_the_admin_only(upload, client_of, admin, refused):
    address = f"/files/{upload()['id']}"

    refused(client_of("others").get(address), 404)
    refused(client_of("tests", "submit", "read").get(address), 403)
    assert client_of("tests", "media").get(address).status_code == 200
    assert admin.get(address).status_code == 200


def test_who_has_it_already_gets_304(api, upload):
    told = upload()

    answer = api.get(f"/files/{told['id']}", headers={"If-None-Match": f'"{told["sha256"]}"'})

    assert (answer.status_code, answer.data) == (304, b"")


def test_one_range_of_it_is_206(api, upload):
    answer = api.get(f"/files/{upload()['id']}", headers={"Range": "bytes=5-9"})

    assert (answer.status_code, answer.data) == (206, BYTES[5:10])


@pytest.mark.parametrize("id_", ["019a3c1e-5b7d-7c3a-9f00-2d1e6a4b8c70", "x", "%00"])
def test_an_id_that_is_none_is_404(api, refused, id_):
    refused(api.get(f"/files/{id_}"), 404)


def test_a_file_needs_the_scope_to_submit(client_of, stranger, refused):
    refused(client_of("tests", "read", "media").post("/files", json=PRESIGN), 403)
    refused(stranger.post("/files", json=PRESIGN), 401)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("", "file"), ("../x/y.png", "-x-y.png"), ("Ü ?%#&.png", "Ü ?%#&.png")],
)
def test_a_name_is_kept_as_far_as_it_can_stand_in_a_key(api, name, kept):
    head = f'--b\r\nContent-Disposition: form-data; name="content"; filename="{name}"\r\n\r\n'
    body = head.encode() + b"bytes\r\n--b--\r\n"

    answer = api.post("/files", data=body, content_type="multipart/form-data; boundary=b")

    assert answer.json["name"] == kept
    assert api.get(f"/files/{answer.json['id']}").data == b"bytes"


@pytest.mark.parametrize(
    ("content", "declared", "shown"),
    [
        (BYTES, "text/html", "image/png"),
        (b"a;b\n", "text/csv; charset=utf-8", "text/csv"),
        (b"\0\1\2", "application/octet-stream", "application/octet-stream"),
        (b"\0\1\2", "nonsense", "application/octet-stream"),
    ],
)
def test_a_type_is_what_the_bytes_show_or_else_what_was_declared(upload, content, declared, shown):
    assert upload(content, content_type=declared)["content_type"] == shown


@pytest.mark.parametrize("too_many", [1, 2**21])
@pytest.mark.parametrize("told", [True, False])
def test_a_file_larger_than_replicate_takes_is_413_and_leaves_no_object(
    upload_zeros, refused, rows, services, too_many, told
):
    refused(upload_zeros(LARGEST + too_many, told=told), 413)

    assert all(services.bucket.head(row.key) is None for row in rows())
    assert all(row.stored_at is None for row in rows())


def test_the_largest_file_there_may_be_is_taken(upload_zeros):
    answer = upload_zeros(LARGEST)

    assert answer.status_code == 201, answer.text
    assert answer.json["bytes"] == LARGEST


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"name": "x"},
        {"picture": (io.BytesIO(b"x"), "x.png")},
        {"content": (io.BytesIO(b""), "x.png")},
        {"content": ""},
    ],
)
def test_a_form_without_a_file_is_422_and_names_the_part(api, refused, rows, parts):
    answer = api.post("/files", data=parts, content_type="multipart/form-data")

    (error,) = refused(answer, 422).errors
    assert error.loc == ["content"]
    assert rows() == []


def test_two_files_in_one_form_are_422(api, refused, rows, services):
    parts = {"content": (io.BytesIO(b"one"), "a"), "file": (io.BytesIO(b"two"), "b")}

    refused(api.post("/files", data=parts), 422)

    assert [row for row in rows() if services.bucket.head(row.key)] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing of the kind",
        b'--b\r\nContent-Disposition: form-data; name="content"; filename="x"\r\n\r\nhalf a fi',
        b'--b\r\nContent-Disposition: form-data; name="content"; filename="x"\r\n\r\nx\r\n--b\r\n',
        b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n",
    ],
)
def test_a_broken_form_is_400_and_leaves_no_object(api, refused, rows, services, body):
    form = "multipart/form-data; boundary=b"

    refused(api.post("/files", input_stream=io.BytesIO(body), content_type=form), 400)

    assert [row for row in rows() if services.bucket.head(row.key)] == []


def test_a_form_without_a_boundary_is_400(api, refused):
    refused(api.post("/files", data=b"x", content_type="multipart/form-data"), 400)


def test_another_kind_of_body_is_415(api, refused):
    refused(api.post("/files", data=b"x", content_type="image/png"), 415)


def test_a_presigned_upload_goes_to_the_bucket_and_comes_back_byte_for_byte(api, rows):
    told = api.post("/files", json={**PRESIGN, "bytes": len(BYTES), "name": "cat.png"}).json
    InputFile.model_validate(told)
    upload = told["upload"]
    assert (upload["method"], told["sha256"]) == ("PUT", None)

    httpx.put(upload["url"], content=BYTES, headers=upload["headers"]).raise_for_status()

    answer = api.get(f"/files/{told['id']}")
    assert (answer.status_code, answer.data) == (200, BYTES)
    assert (answer.content_type, answer.headers["Cache-Control"]) == (
        "image/png",
        "private, no-cache",
    )
    [row] = rows()
    assert (row.stored_at is not None, row.bytes, row.name) == (True, len(BYTES), "cat.png")


@pytest.mark.parametrize(
    ("content", "headers"),
    [(b"123456", {"Content-Type": "image/png"}), (b"12345", {"Content-Type": "text/html"})],
)
def test_the_bucket_takes_only_what_was_announced(api, refused, content, headers):
    told = api.post("/files", json=PRESIGN).json

    assert httpx.put(told["upload"]["url"], content=content, headers=headers).status_code == 403
    refused(api.get(f"/files/{told['id']}"), 409)


def test_a_file_that_was_not_uploaded_yet_is_409_and_says_so(api, refused, stranger):
    told = api.post("/files", json=PRESIGN).json

    assert "has not been uploaded yet" in refused(api.get(f"/files/{told['id']}"), 409).detail
    refused(stranger.get(told["url"]), 409)


def test_an_object_of_another_length_is_not_taken_for_the_file(api, refused, rows, services):
    told = api.post("/files", json=PRESIGN).json
    services.bucket.put(rows()[0].key, io.BytesIO(b"123"), "image/png")

    refused(api.get(f"/files/{told['id']}"), 409)


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"bytes": 0}, "bytes"),
        ({"bytes": LARGEST + 1}, "bytes"),
        ({"bytes": None}, "bytes"),
        ({"content_type": "image"}, "content_type"),
        ({"content_type": "image/png\r\nX-Other: 1"}, "content_type"),
        ({"presign": False}, "presign"),
        ({"name": "x" * 256}, "name"),
        ({"size": 5}, "size"),
    ],
)
def test_an_announcement_that_does_not_fit_is_422_and_names_the_field(
    api, refused, rows, changed, place
):
    answer = api.post("/files", json={**PRESIGN, **changed})

    (error,) = refused(answer, 422).errors
    assert error.loc == [place]
    assert rows() == []


def test_a_file_that_the_bucket_lost_is_503_and_no_empty_answer(api, upload, rows, services):
    told = upload()
    services.bucket._s3.delete_object(Bucket=services.bucket.name, Key=rows()[0].key)

    assert api.get(f"/files/{told['id']}").status_code == 503


def test_a_file_that_was_deleted_is_gone_and_nobody_elses_is_deleted(api, client_of, refused):
    made = api.post("/files", data={"content": (io.BytesIO(b"abc"), "a.txt")}).json

    refused(client_of("another", "submit").delete(f"/files/{made['id']}"), 404)
    assert api.get(f"/files/{made['id']}").data == b"abc"
    assert api.delete(f"/files/{made['id']}").status_code == 204
    refused(api.get(f"/files/{made['id']}"), 404)
