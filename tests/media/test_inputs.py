"""Inputs as they are sent: files in them become URLs that Replicate can fetch, and nothing is paid
for what cannot be sent."""

import base64
import os
import uuid
from dataclasses import replace
from hashlib import sha256

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, update

from fixative.access.links import Links
from fixative.access.owners import ensure_owner
from fixative.jobs.adopt import adopt_unknown
from fixative.jobs.short_ids import short_id
from fixative.media.bucket import Bucket
from fixative.media.files import LONGEST_NAME, Files, safe_name
from fixative.media.reader import HashingReader
from fixative.postgres.media_tables import File
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.client import Replicate
from fixative.settings import load_settings
from worker.services import Services

PUBLIC = "https://fixative.example"
PNG = b"\x89PNG\r\n\x1a\n" + os.urandom(300_000)
URI = "data:image/png;base64," + base64.b64encode(PNG).decode()
TOKEN = {"Authorization": "Bearer r8_test"}


@pytest.fixture
def files(services):
    return Files(services.database, services.bucket, services.keys)


@pytest.fixture
def uploaded(files, owner_id):
    """A file that its owner has uploaded; its address, at some host."""

    def make(content=b"a mask", owner=owner_id, name="mask.png"):
        file = files.announce(owner, name, "image/png")
        files.store(file, HashingReader(iter([content])))
        return f"http://localhost/files/{file.id}"

    return make


@pytest.fixture
def public(environ):
    """What the tasks call where Replicate reaches us."""
    made = Services(load_settings({**environ, "FIXATIVE_PUBLIC_URL": PUBLIC}), connections=5)
    yield made
    made.close()


@pytest.fixture
def job_files(database):
    def of(job_id):
        with database.begin() as session:
            return list(session.scalars(select(File).where(File.job_id == job_id)))

    return of


@pytest.fixture
def received(emulator, attempts_of):
    """The input that Replicate has of a job."""

    def of(job_id):
        prediction_id = attempts_of(job_id)[-1].prediction_id
        answer = emulator.get(f"/v1/predictions/{prediction_id}", headers=TOKEN)
        return answer.raise_for_status().json()["input"]

    return of


@pytest.fixture
def creates(emulator):
    return lambda: emulator.get("/_emulator/stats").json()["creates"]["total"]


def fault(emulator, **faults):
    emulator.post("/_emulator/config", json={"faults": faults}).raise_for_status()


def at_replicate(emulator, url):
    """The bytes of a file with Replicate, and what it says of it."""
    told = emulator.get(url, headers=TOKEN).raise_for_status().json()
    signed = {"expiry": 9999999999, "owner": "us", "signature": "x"}
    return emulator.get(f"{url}/download", params=signed, headers=TOKEN).content, told


def test_without_a_public_address_files_go_to_replicates_own_files_api(
    services, submit, uploaded, received, emulator, attempts_of, read_job
):
    mask = uploaded()
    given = {"prompt": "x", "image": URI, "more": [{"mask": mask}, "data:text/plain,short"]}
    job_id = submit(input=given)

    services.submitter.submit(job_id)

    sent = received(job_id)
    origin = str(emulator.base_url)
    assert sent["image"].startswith(f"{origin}/v1/files/")
    content, told = at_replicate(emulator, sent["image"])
    assert content == PNG
    assert (told["name"], told["content_type"]) == ("input.png", "image/png")
    content, told = at_replicate(emulator, sent["more"][0]["mask"])
    assert (content, told["name"]) == (b"a mask", "mask.png")
    assert (sent["prompt"], sent["more"][1]) == ("x", "data:text/plain,short")
    assert attempts_of(job_id)[0].input == sent
    assert read_job(job_id).input == given


def test_with_a_public_address_replicate_is_given_our_links(
    public, submit, uploaded, received, job_files, attempts_of
):
    mask = uploaded()
    job_id = submit(input={"prompt": "x", "image": URI, "mask": mask, "again": [URI, mask]})

    public.submitter.submit(job_id)

    sent = received(job_id)
    [image] = job_files(job_id)
    links = Links.of(public.settings)
    assert sent["image"] == PUBLIC + links.signed(f"/files/{image.id}")
    assert sent["mask"] == PUBLIC + links.signed(f"/files/{mask.rpartition('/')[2]}")
    assert sent["again"] == [sent["image"], sent["mask"]]
    assert attempts_of(job_id)[0].input == sent
    assert public.bucket.read(image.key) == PNG
    assert (image.bytes, image.sha256) == (len(PNG), sha256(PNG).hexdigest())
    assert f"/inputs/{image.owner_id}/" in image.key


@pytest.fixture(params=["", "/download?sig=x"])
def under_v1(uploaded, request):
    """A file that its owner has uploaded; its address as Replicate's clients know it."""

    def make(**how):
        file_id = uuid.UUID(uploaded(**how).rpartition("/")[2])
        return f"http://localhost/v1/files/{short_id(file_id)}{request.param}", file_id

    return make


def test_a_file_that_is_named_as_replicates_clients_do_is_sent_all_the_same(
    services, public, submit, under_v1, received, emulator
):
    address, file_id = under_v1()
    one, other = (submit(input={"prompt": text, "mask": address}) for text in "ab")

    services.submitter.submit(one)
    public.submitter.submit(other)

    content, _ = at_replicate(emulator, received(one)["mask"])
    assert content == b"a mask"
    link = Links.of(public.settings).signed(f"/files/{file_id}")
    assert received(other)["mask"] == PUBLIC + link


def test_a_file_that_replicate_has_itself_is_sent_as_it_is(services, submit, received):
    given = {"prompt": "x", "mask": "https://api.replicate.com/v1/files/0neqzikepnvg6xezperrr4z55q"}
    job_id = submit(input=given)

    services.submitter.submit(job_id)

    assert received(job_id) == given


def test_an_input_without_files_is_sent_as_it_is(services, submit, received, attempts_of):
    elsewhere = "https://example.com/files/019a3c1e-5b7d-7c3a-9f00-2d1e6a4b8c70"
    given = {"prompt": "x" * 300_000, "image": elsewhere, "prose": "data: " + "y" * 300_000}
    job_id = submit(input=given)

    services.submitter.submit(job_id)

    assert received(job_id) == given
    assert attempts_of(job_id)[0].input is None


@pytest.mark.parametrize("name", ["create_then_500", "create_then_reset"])
@pytest.mark.parametrize("address", [None, PUBLIC])
def test_a_create_whose_answer_was_lost_is_adopted_by_the_input_that_was_sent(
    environ, submit, uploaded, emulator, attempts_of, read_job, creates, name, address
):
    # No webhook names the attempt: its input alone tells whose the prediction is.
    silent = load_settings({**environ, "FIXATIVE_PUBLIC_URL": address or ""})
    services = Services(silent, connections=5)
    submitter = replace(services.submitter, webhook_url=None)
    job_id = submit(input={"prompt": "x", "image": URI, "mask": uploaded()})
    fault(emulator, **{name: 1})

    submitter.submit(job_id)
    assert attempts_of(job_id)[0].outcome == "unknown"
    adopt_unknown(services.database, services.replicate)
    services.close()

    assert attempts_of(job_id)[0].outcome == "created"
    assert read_job(job_id).status != "submitting"
    assert creates() == 1


def test_a_create_that_a_restore_has_lost_is_adopted_though_nobody_knows_what_was_sent(
    services, database, submit, uploaded, emulator, attempts_of
):
    job_id = submit(input={"prompt": "x", "image": URI, "masks": [uploaded()]})
    fault(emulator, create_then_500=1)
    services.submitter.submit(job_id)
    with database.begin() as session:
        session.execute(update(Attempt).values(input=None, stands_in=True))

    adopt_unknown(database, services.replicate)

    assert attempts_of(job_id)[0].outcome == "created"


def test_a_second_try_puts_the_same_object_and_row(
    services, database, submit, job_files, read_job, emulator
):
    job = read_job(submit(input={"prompt": "x", "image": URI}))
    services.inputs.prepare(job)
    [first] = job_files(job.id)
    with database.begin() as session:  # as if we had died between the object and its row
        session.execute(update(File).values(stored_at=None, sha256=None, bytes=0))

    sent = services.inputs.prepare(job)

    [second] = job_files(job.id)
    assert (second.id, second.key, second.sha256) == (first.id, first.key, first.sha256)
    assert at_replicate(emulator, sent["image"])[0] == PNG


def test_files_are_seen_to_by_one_worker_alone(services, submit, received, read_job, creates):
    job_id = submit(input={"prompt": "x", "image": URI})
    prepare, met = services.inputs.prepare, []

    def slowly(job):
        others = replace(services.submitter, prepare_input=met.append)
        met.append(others.submit(job_id))  # a hint that came twice
        assert read_job(job_id).lease_until is not None
        return prepare(job)

    replace(services.submitter, prepare_input=slowly).submit(job_id)

    assert met == [[]]
    assert creates() == 1
    assert received(job_id)["prompt"] == "x"


def test_a_file_that_is_somebody_elses_is_refused_before_anything_is_created(
    services, database, submit, uploaded, creates, attempts_of, read_job
):
    with database.begin() as session:
        other = ensure_owner(session, "somebody else").id
    address = uploaded(owner=other)
    under_v1 = f"http://localhost/v1/files/{short_id(uuid.UUID(address.rpartition('/')[2]))}"
    for theirs in (address, under_v1):
        images = ["https://example.com/a.png", theirs]
        job_id = submit(input={"prompt": "x", "images": images})

        services.submitter.submit(job_id)

        error = read_job(job_id).error
        assert (read_job(job_id).status, error["code"]) == ("failed", "invalid_input")
        assert error["message"].startswith("input.images.1: no file ")
        assert (creates(), attempts_of(job_id)) == (0, [])


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (f"{PUBLIC}/files/019a3c1e-5b7d-7c3a-9f00-2d1e6a4b8c70?sig=x", "no file"),
        (f"{PUBLIC}/v1/files/01k8y1wpvxfgx9y01d3sn4q33g", "no file"),
        ("data:image/png;base64," + "A" * 256_001, "no readable data: URI"),
    ],
)
def test_what_can_never_be_sent_fails_the_job_and_names_the_place(
    public, submit, creates, attempts_of, read_job, value, problem
):
    job_id = submit(input={"prompt": "x", "image": value})

    public.submitter.submit(job_id)

    error = read_job(job_id).error
    assert error["code"] == "invalid_input"
    assert error["message"].startswith("input.image: ")
    assert problem in error["message"]
    assert (creates(), attempts_of(job_id)) == (0, [])


def test_a_file_that_was_announced_and_not_uploaded_fails_the_job(
    services, files, owner_id, submit, attempts_of, read_job
):
    file = files.announce(owner_id, "late.png", "image/png", 10)
    job_id = submit(input={"prompt": "x", "image": f"http://localhost/files/{file.id}"})

    services.submitter.submit(job_id)

    assert "has not been uploaded yet" in read_job(job_id).error["message"]
    assert attempts_of(job_id) == []


def test_a_bucket_that_is_away_pays_nothing_and_loses_nothing(
    services, environ, database, submit, creates, attempts_of, read_job, received
):
    away = Bucket(load_settings({**environ, "S3_ENDPOINT_URL": "http://127.0.0.1:9"}))
    without = replace(services.inputs, files=replace(services.inputs.files, bucket=away))
    job_id = submit(input={"prompt": "x", "image": URI})

    replace(services.submitter, prepare_input=without.prepare).submit(job_id)
    away.close()

    job = read_job(job_id)
    assert (job.status, job.waiting_reason) == ("queued", "upstream")
    assert job.next_attempt_at > job.updated_at
    assert (creates(), attempts_of(job_id)) == (0, [])
    assert services.creates.take().granted  # Replicate is not to blame

    with database.begin() as session:
        session.execute(update(Job).values(next_attempt_at=func.now()))
    services.submitter.submit(job_id)
    assert received(job_id)["prompt"] == "x"


def test_an_upload_that_replicate_does_not_take_now_pays_nothing_and_loses_nothing(
    services, submit, attempts_of, read_job
):
    nobody = Replicate("http://127.0.0.1:9", SecretStr("r8_test"))
    without = replace(services.inputs, replicate=nobody)
    job_id = submit(input={"prompt": "x", "image": URI})

    replace(services.submitter, prepare_input=without.prepare).submit(job_id)
    nobody.close()

    job = read_job(job_id)
    assert (job.status, job.waiting_reason, job.lease_until) == ("queued", "upstream", None)
    assert attempts_of(job_id) == []


def test_bytes_that_the_bucket_lost_fail_the_job(services, submit, uploaded, database, read_job):
    job_id = submit(input={"prompt": "x", "image": uploaded()})
    with database.begin() as session:
        session.execute(update(File).values(key="nowhere"))

    services.submitter.submit(job_id)

    assert "are lost" in read_job(job_id).error["message"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("cat.png", "cat.png"),
        ("Ünï code.png", "Ünï code.png"),
        ("../../etc/passwd", "-..-etc-passwd"),
        ('a"b\\c\r\nd', "a-b-c--d"),
        ("", "file"),
        ("...", "file"),
        ("x" * 300 + ".safetensors", "x" * 188 + ".safetensors"),
        ("x" * 300, "x" * LONGEST_NAME),
        ("x." + "y" * 300, "x." + "y" * 198),
        ("😀" * 100 + ".png", "😀" * 49 + ".png"),
    ],
)
def test_a_name_can_stand_in_a_key_and_in_a_header(given, kept):
    assert safe_name(given) == kept
