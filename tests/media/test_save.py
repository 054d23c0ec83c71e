"""Storing: everything in the bucket before the job succeeds, whoever dies or lies meanwhile."""

from dataclasses import replace
from hashlib import sha256
from threading import BoundedSemaphore

import pytest
from sqlalchemy import func, update

from fixative.errors import BucketError
from fixative.jobs.store import media_of
from fixative.media.bucket import Bucket
from fixative.media.originals import LARGE
from fixative.media.view import job_view
from fixative.names import STORE_LARGE, STORE_OUTPUTS
from fixative.postgres.tables import Attempt, Job
from fixative.settings import load_settings


@pytest.fixture
def media(database, read_job):
    def of(job_id):
        with database.begin() as session:
            return media_of(session, read_job(job_id))

    return of


@pytest.fixture
def again(services, database):
    """Store once more, as if the wait of the last failure were over."""

    def store(job_id):
        with database.begin() as session:
            session.execute(update(Job).values(next_attempt_at=func.now()))
        services.storer.store(job_id)

    return store


def fault(emulator, **faults):
    emulator.post("/_emulator/config", json={"faults": faults}).raise_for_status()


def content(services, key):
    with services.bucket.get(key).body as body:
        return body.read()


def test_storing_twice_makes_one_set_of_media(services, storing, media, read_job):
    job_id = storing(input={"prompt": "x", "num_outputs": 3})

    services.storer.store(job_id)
    services.storer.store(job_id)

    names = ["original-001.webp", "original-002.webp", "original-003.webp"]
    assert [item.name for item in media(job_id)] == names
    assert read_job(job_id).status == "succeeded"


def test_what_an_earlier_run_has_stored_is_not_fetched_again(
    services, storing, media, emulator, again
):
    job_id = storing("emulator/bytes", input={"bytes": 1000, "count": 4})
    fault(emulator, output_fails_once=1)
    services.storer.store(job_id)
    for _ in range(4):
        again(job_id)

    assert len(media(job_id)) == 4
    requests = emulator.get("/_emulator/stats").json()["requests"]
    served = sum(n for route, n in requests.items() if "/_files/" in route and " 200" in route)
    assert served == 4


def test_a_truncated_download_is_never_kept(services, storing, media, emulator, again, read_job):
    job_id = storing("emulator/bytes", input={"bytes": 50_000})
    fault(emulator, output_truncated=1)

    services.storer.store(job_id)
    assert (read_job(job_id).status, media(job_id)) == ("storing", [])
    assert read_job(job_id).waiting_reason == "upstream"

    fault(emulator, output_truncated=0)
    again(job_id)
    [stored] = media(job_id)
    assert stored.bytes == 50_000
    assert sha256(content(services, stored.key)).hexdigest() == stored.sha256


def test_files_gone_before_they_were_fetched_fail_the_job_and_say_so(
    services, storing, emulator, read_job
):
    job_id = storing()
    fault(emulator, output_gone=1)

    services.storer.store(job_id)

    job = read_job(job_id)
    assert (job.status, job.error["code"]) == ("failed", "output_expired")
    assert job.error["details"] == {"saved": []}


def test_one_lost_file_does_not_cost_the_others(
    services, storing, emulator, media, read_job, attempts_of, database
):
    job_id = storing("emulator/bytes", input={"bytes": 1000, "count": 3})
    attempt = attempts_of(job_id)[0]
    output = attempt.prediction["output"]
    gone = output[0].rsplit("/", 1)[0] + "/nothing.bin"
    told = {**attempt.prediction, "output": [*output, gone]}
    with database.begin() as session:
        session.execute(update(Attempt).values(prediction=told))

    services.storer.store(job_id)

    job = read_job(job_id)
    names = ["original-001.bin", "original-002.bin", "original-003.bin"]
    assert [item.name for item in media(job_id)] == names
    assert (job.error["code"], job.error["details"]) == ("output_expired", {"saved": names})
    with database.begin() as session:
        attempt = session.get_one(Attempt, job.attempt_id)
    shown = job_view(
        job,
        attempt,
        media(job_id),
        [],
        address=lambda path: f"https://us{path}",
        allowed=services.fetcher.allowed,
        kept_days=None,
    )
    assert [url and url.rpartition("/")[2] for url in shown["output"]] == [*names, None]


def test_a_file_that_is_gone_from_where_it_was_is_asked_for_once_more(
    services, storing, media, attempts_of, database, read_job
):
    job_id = storing("emulator/bytes", input={"bytes": 1000, "count": 2})
    told = attempts_of(job_id)[0].prediction
    moved = told["output"][0].rsplit("/", 1)[0] + "/elsewhere.bin"
    with database.begin() as session:
        before = {**told, "output": [moved, told["output"][1]]}
        session.execute(update(Attempt).values(prediction=before))

    services.storer.store(job_id)

    assert read_job(job_id).status == "succeeded"
    assert [item.name for item in media(job_id)] == ["original-001.bin", "original-002.bin"]


def test_a_large_file_is_left_to_a_run_of_its_own(services, storing, media, read_job):
    job_id = storing("emulator/bytes", input={"bytes": LARGE, "count": 1})

    [hint] = services.storer.store(job_id)

    assert (hint.task, hint.queue) == (STORE_OUTPUTS, STORE_LARGE)
    assert (read_job(job_id).status, read_job(job_id).large) == ("storing", True)
    services.storer.store(job_id)
    assert (read_job(job_id).status, media(job_id)[0].bytes) == ("succeeded", LARGE)


def test_a_small_file_that_is_gone_does_not_cost_a_large_one(
    services, storing, media, attempts_of, database, read_job
):
    job_id = storing("emulator/bytes", input={"bytes": LARGE, "count": 2})
    told = attempts_of(job_id)[0].prediction
    gone = told["output"][0].rsplit("/", 1)[0] + "/nothing.bin"
    with database.begin() as session:
        before = {**told, "output": [*told["output"], gone]}
        session.execute(update(Attempt).values(prediction=before))

    [hint] = services.storer.store(job_id)
    assert hint.queue == STORE_LARGE
    services.storer.store(job_id)

    assert read_job(job_id).error["code"] == "output_expired"
    assert [item.name for item in media(job_id)] == ["original-001.bin", "original-002.bin"]


def test_large_files_wait_while_all_places_for_such_are_taken(services, storing, read_job):
    job_id, small = storing("emulator/bytes", input={"bytes": LARGE}), storing()
    services.storer.store(job_id)
    storer = replace(services.storer, places=BoundedSemaphore(1))

    with storer.places:
        assert storer.store(job_id) == []
        storer.store(small)

    assert (read_job(job_id).status, read_job(small).status) == ("storing", "succeeded")
    storer.store(job_id)
    assert read_job(job_id).status == "succeeded"


def test_what_lies_elsewhere_is_named_in_a_warning(services, storing, media, read_job):
    url = "https://example.org/a.png"
    job_id = storing("emulator/echo", input={"value": {"see": url, "page": "https://a.example/"}})

    services.storer.store(job_id)

    assert read_job(job_id).warnings == [f"not stored, since it lies elsewhere: {url}"]
    assert [item.role for item in media(job_id)] == ["output"]


def test_an_output_that_replicate_removed_unseen_is_no_success(
    services, storing, read_job, attempts_of, database
):
    job_id = storing()
    removed = {**attempts_of(job_id)[0].prediction, "output": None, "data_removed": True}
    with database.begin() as session:
        session.execute(update(Attempt).values(prediction=removed))

    services.storer.store(job_id)

    assert read_job(job_id).error["code"] == "output_expired"


def test_a_file_beyond_the_limit_fails_the_job(environ, services, storing, read_job):
    small = load_settings({**environ, "FIXATIVE_MAX_OUTPUT_BYTES": "1000"})
    job_id = storing("emulator/bytes", input={"bytes": 1001})
    fetcher = type(services.fetcher)(services.fetcher.allowed, small.fixative_max_output_bytes)

    replace(services.storer, fetcher=fetcher).store(job_id)

    assert read_job(job_id).error["code"] == "output_too_large"


def test_a_bucket_that_is_away_loses_nothing(environ, services, storing, again, read_job):
    job_id = storing()
    away = Bucket(load_settings({**environ, "S3_ENDPOINT_URL": "http://127.0.0.1:9"}))

    replace(services.storer, bucket=away).store(job_id)
    away.close()

    assert read_job(job_id).status == "storing"
    with pytest.raises(BucketError):
        away.check()
    again(job_id)
    assert read_job(job_id).status == "succeeded"


def test_a_worker_that_lost_its_lease_leaves_no_row(services, storing, media, read_job):
    job_id = storing()
    storer = replace(services.storer, keys=_Stealing(services))

    storer.store(job_id)

    assert (read_job(job_id).status, media(job_id)) == ("storing", [])


def test_text_and_structure_get_files_of_their_own(services, storing, media):
    text = storing("meta/meta-llama-3-8b-instruct", input={"prompt": "hello"})
    nested = storing("emulator/report", input={"frames": 2})

    services.storer.store(text)
    services.storer.store(nested)

    [written] = media(text)
    assert (written.name, written.content_type) == ("original.txt", "text/plain")
    assert "output.json" in [item.name for item in media(nested)]


@pytest.mark.parametrize("value", [None, [], "", {}])
def test_an_empty_output_is_a_success_without_files(services, storing, media, read_job, value):
    job_id = storing("emulator/echo", input={"value": value})

    services.storer.store(job_id)

    assert (read_job(job_id).status, media(job_id)) == ("succeeded", [])


def test_a_number_is_kept_as_json(services, storing, media):
    job_id = storing("emulator/echo", input={"value": 42})

    services.storer.store(job_id)

    assert [content(services, item.key) for item in media(job_id)] == [b"42"]


def test_a_url_elsewhere_is_data(services, storing, media):
    job_id = storing("emulator/echo", input={"value": {"see": "https://example.org/a.png"}})

    services.storer.store(job_id)

    assert [item.name for item in media(job_id)] == ["output.json"]


class _Stealing:
    """Keys that give the job's lease to somebody else just before the upload."""

    def __init__(self, services):
        self._services = services

    def key(self, job, name):
        with self._services.database.begin() as session:
            session.execute(update(Job).values(lease_token=Job.lease_token + 1))
        return self._services.keys.key(job, name)
