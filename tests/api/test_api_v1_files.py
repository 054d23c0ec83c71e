"""Input files under /v1: brought, listed, read and deleted as Replicate's clients do it."""

import io
import os
import uuid
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from replicate.file import File as ClientsFile
from sqlalchemy import select, update

from api import replicate_pages
from api.schemas_v1_files import V1File, V1FilePage
from fixative.jobs.short_ids import read_id, short_id
from fixative.media.files import LARGEST
from fixative.postgres.media_tables import File

BYTES = b"\x89PNG\r\n\x1a\n" + os.urandom(300_000)
HERE = "http://localhost/v1/files"


pytestmark = pytest.mark.usefixtures("no_files_of_other_tests")


@pytest.fixture
def upload(api):
    """Bring a file; what was answered."""

    def post(content=BYTES, *, by=api, **fields):
        form = {**fields, "content": (io.BytesIO(content), "cat.png", "image/png")}
        answer = by.post("/v1/files", data=form)
        assert answer.status_code == 201, answer.text
        return answer.json

    return post


@pytest.fixture
def refused_as_replicate_does():
    def read(answer, status):
        assert answer.status_code == status, answer.text
        assert answer.content_type == "application/problem+json"
        assert answer.json.keys() <= {"title", "detail", "status", "invalid_fields"}
        return answer.json

    return read


def test_a_file_is_shown_as_replicate_shows_one(api, upload):
    told = upload(metadata='{"order": 7}')

    V1File.model_validate(told)
    assert ClientsFile(**told).metadata == {"order": 7}
    assert (told["name"], told["content_type"], told["size"]) == (
        "cat.png",
        "image/png",
        len(BYTES),
    )
    assert told["checksums"] == {"sha256": sha256(BYTES).hexdigest()}
    assert told["etag"] == told["checksums"]["sha256"]
    assert len(told["id"]) == 26
    assert told["urls"]["get"] == f"{HERE}/{told['id']}"
    assert told["expires_at"] is None
    assert api.get(told["urls"]["get"]).json == told
    assert api.get(f"/v1/files/{read_id(told['id'])}").json == told


def test_it_is_the_same_file_as_under_files(api, upload):
    told = upload()

    assert api.get(f"/files/{read_id(told['id'])}").data == BYTES


def test_where_files_are_kept_for_some_days_it_says_until_when(
    new_app, settings, upload, api, database
):
    app = new_app(settings.model_copy(update={"fixative_retention_days": 3}))
    told = upload()
    with database.begin() as session:
        used_at = session.scalars(select(File.used_at)).one()

    key = {"Authorization": api.environ_base["HTTP_AUTHORIZATION"]}
    shown = app.test_client().get(told["urls"]["get"], headers=key).json

    assert datetime.fromisoformat(shown["expires_at"]) == used_at + timedelta(days=3)


@pytest.mark.parametrize(
    "parts",
    [
        ["metadata", "content"],
        ["content", "metadata"],
        ["content", "metadata-as-a-file"],
    ],
)
def test_metadata_may_stand_before_or_behind_the_file(api, parts):
    told = {
        "content": 'name="content"; filename="a.txt"\r\n\r\nabc',
        "metadata": 'name="metadata"\r\n\r\n{"a": ["ü"]}',
        "metadata-as-a-file": 'name="metadata"; filename="blob"\r\n'
        'Content-Type: application/json\r\n\r\n{"a": ["ü"]}',
    }
    body = "".join(f"--b\r\nContent-Disposition: form-data; {told[part]}\r\n" for part in parts)

    answer = api.post(
        "/v1/files",
        data=f"{body}--b--\r\n".encode(),
        content_type="multipart/form-data; boundary=b",
    )

    assert (answer.status_code, answer.json["metadata"]) == (201, {"a": ["ü"]})
    assert answer.json["name"] == "a.txt"


def test_its_name_and_type_may_be_told_beside_it(upload):
    told = upload(b"a;b\n", filename="table.csv", type="text/csv")

    assert (told["name"], told["content_type"]) == ("table.csv", "text/csv")


@pytest.mark.parametrize("metadata", ["{", "[]", '"x"', '{"a": "\\u0000"}'])
def test_metadata_that_is_no_object_is_422_and_leaves_no_object(
    api, refused_as_replicate_does, services, database, metadata
):
    for order in (("metadata", "content"), ("content", "metadata")):
        values = {"metadata": metadata, "content": (io.BytesIO(b"abc"), "a.txt")}
        answer = api.post("/v1/files", data={name: values[name] for name in order})

        [field] = refused_as_replicate_does(answer, 422)["invalid_fields"]
        assert field["field"] == "metadata"
    with database.begin() as session:
        keys = list(session.scalars(select(File.key)))
    assert [key for key in keys if services.bucket.head(key)] == []


def test_without_content_it_is_422_and_says_so(api, refused_as_replicate_does):
    answer = api.post("/v1/files", data={"filename": "x"}, content_type="multipart/form-data")

    told = refused_as_replicate_does(answer, 422)
    assert told["detail"] == "- content is required\n"


def test_another_kind_of_body_is_415(api, refused_as_replicate_does):
    refused_as_replicate_does(api.post("/v1/files", json={"content": "x"}), 415)


def test_over_100_mb_it_is_413_in_replicates_words(api, refused_as_replicate_does):
    answer = api.post(
        "/v1/files",
        content_type="multipart/form-data; boundary=b",
        environ_overrides={"CONTENT_LENGTH": str(LARGEST + 2**21)},
    )

    told = refused_as_replicate_does(answer, 413)
    assert told["detail"] == "Files must be less than 100MB in size"


def test_a_list_has_the_owners_own_newest_first_and_leads_on_and_back(
    api, upload, client_of, admin, monkeypatch
):
    monkeypatch.setattr(replicate_pages, "PAGE", 2)
    upload(by=client_of("others"))
    upload(by=admin)
    ids = [upload(b"%d" % n)["id"] for n in range(5)][::-1]
    api.post("/files", json={"presign": True, "content_type": "image/png", "bytes": 5})

    first = api.get("/v1/files").json
    second = api.get(first["next"]).json
    third = api.get(second["next"]).json
    back = api.get(second["previous"]).json

    V1FilePage.model_validate(first)
    assert first["next"].startswith(f"{HERE}?cursor=")
    pages = [[file["id"] for file in page["results"]] for page in (first, second, third)]
    assert pages == [ids[:2], ids[2:4], ids[4:]]
    assert (first["previous"], third["next"]) == (None, None)
    assert (back["results"], back["previous"]) == (first["results"], None)
    assert len(admin.get("/v1/files").json["results"]) == 1


def test_files_out_of_a_jobs_input_are_not_listed(api, upload, submit, database):
    job_id = submit()
    told = upload()
    with database.begin() as session:
        session.execute(update(File).values(job_id=job_id))

    assert api.get("/v1/files").json["results"] == []
    assert api.get(told["urls"]["get"]).status_code == 200


def test_a_list_without_any_is_empty(api):
    assert api.get("/v1/files").json == {"next": None, "previous": None, "results": []}


@pytest.mark.parametrize("cursor", ["", "x", "newer.", "%C3%A9%F0%9F%98%80", "A" * 64])
@pytest.mark.parametrize("path", ["/v1/files", "/v1/predictions"])
def test_a_cursor_that_is_none_is_422(api, refused_as_replicate_does, path, cursor):
    refused_as_replicate_does(api.get(f"{path}?cursor={cursor}"), 422)


def test_a_deleted_file_is_gone(api, upload, refused_as_replicate_does):
    address = f"/v1/files/{upload()['id']}"

    answer = api.delete(address)

    assert (answer.status_code, answer.data) == (204, b"")
    refused_as_replicate_does(api.get(address), 404)
    refused_as_replicate_does(api.delete(address), 404)


@pytest.mark.parametrize("id_", ["x", short_id(uuid.UUID(int=0)), "%00", "z" * 26])
def test_an_id_that_is_none_is_404(api, refused_as_replicate_does, id_):
    refused_as_replicate_does(api.get(f"/v1/files/{id_}"), 404)


def test_a_file_is_for_its_owner_and_the_admin_only(
    upload, client_of, admin, refused_as_replicate_does
):
    address = f"/v1/files/{upload()['id']}"

    other = client_of("others")
    for path in (address, f"{address}/download"):
        refused_as_replicate_does(other.get(path), 404)
    refused_as_replicate_does(other.delete(address), 404)
    assert admin.get(address).status_code == 200


def test_its_link_opens_without_a_key_and_another_does_not(upload, stranger, api):
    told, other = upload(), upload(b"another")

    answer = stranger.get(told["urls"]["download"])
    assert (answer.data, answer.content_type) == (BYTES, "image/png")
    assert stranger.get(told["urls"]["download"], headers={"Range": "bytes=0-3"}).data == BYTES[:4]
    assert api.get(f"/v1/files/{told['id']}/download").data == BYTES
    signature = other["urls"]["download"].partition("?")[2]
    assert stranger.get(f"/v1/files/{told['id']}/download?{signature}").status_code == 401
    assert stranger.get(f"/v1/files/{told['id']}?{signature}").status_code == 401


@pytest.mark.parametrize(
    ("scope", "writes", "reads"),
    [("submit", True, True), ("read", False, True), ("media", False, False)],
)
def test_to_bring_one_needs_submit_and_to_read_it_submit_or_read(
    upload, client_of, scope, writes, reads
):
    told = upload()
    client = client_of("tests", scope)
    reading = 200 if reads else 403

    posted = client.post("/v1/files", data={"content": (io.BytesIO(b"x"), "x.txt")})
    listed, shown = client.get("/v1/files"), client.get(told["urls"]["get"])
    got = client.get(f"/v1/files/{told['id']}/download")
    deleted = client.delete(f"/v1/files/{told['id']}")

    assert posted.status_code == (201 if writes else 403)
    assert [listed.status_code, shown.status_code, got.status_code] == [reading] * 3
    assert deleted.status_code == (204 if writes else 403)
