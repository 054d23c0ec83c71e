"""A retried job's files: stored again where they lay, or beside those of the attempt before."""

import json

import pytest
from sqlalchemy import select

from fixative.errors import Conflict
from fixative.jobs.store import error_of, get_job, media_of, move
from fixative.media.manifest import NAME
from fixative.media.retry import retry_job
from fixative.postgres.notification_tables import Notification
from fixative.recovery.poll import ask_about


@pytest.fixture
def retried(services, database):
    def again(job_id, *, pay_again=False):
        retry_job(database, services.bucket, job_id, cause="operator", pay_again=pay_again)

    return again


@pytest.fixture
def names(database):
    """The names of what a job shows of its media."""

    def read(job_id):
        with database.begin() as session:
            return [media.name for media in media_of(session, get_job(session, job_id))]

    return read


@pytest.fixture
def lost(database):
    """Storing is given up."""

    def fail(job_id, code="output_unreachable"):
        with database.begin() as session:
            move(session, job_id, "failed", cause="task", error=error_of(code, "it is away"))

    return fail


@pytest.fixture
def creates(emulator):
    return lambda: emulator.get("/_emulator/stats").json()["creates"]["total"]


def test_what_could_not_be_stored_is_stored_again_at_no_cost(
    services, storing, retried, lost, read_job, names, creates
):
    job_id = storing()
    lost(job_id)

    retried(job_id)
    services.storer.store(job_id)

    assert (read_job(job_id).status, names(job_id)) == ("succeeded", ["original.webp"])
    assert creates() == 1


def test_a_success_is_stored_again_if_the_bucket_has_lost_a_file_of_it_and_only_then(
    services, database, storing, retried, read_job, names
):
    job_id = storing(input={"prompt": "x", "num_outputs": 2})
    services.storer.store(job_id)
    with pytest.raises(Conflict, match="all its media"):
        retried(job_id, pay_again=True)
    key = services.keys.key(read_job(job_id), names(job_id)[1])
    services.bucket.delete([key])

    retried(job_id)
    services.storer.store(job_id)

    assert read_job(job_id).status == "succeeded"
    assert services.bucket.head(key)


def test_another_attempt_stores_beside_the_first_and_is_what_the_job_shows(
    services, database, storing, retried, lost, read_job, names, attempts_of, eventually, creates
):
    job_id = storing()
    services.storer.store(job_id)
    with database.begin() as session:
        first = media_of(session, get_job(session, job_id))[0]
    services.bucket.delete([first.key])
    retried(job_id)
    lost(job_id, "output_expired")

    retried(job_id, pay_again=True)
    assert names(job_id) == []
    services.submitter.submit(job_id)

    def succeeded():
        ask_about(database, services.replicate, attempts_of(job_id)[1].prediction_id)
        return read_job(job_id).status == "storing"

    eventually(succeeded)
    services.storer.store(job_id)
    assert names(job_id) == ["attempt-2/original.webp"]
    assert creates() == 2


def test_a_retried_jobs_new_end_is_told_and_written_down_like_the_first(
    services, database, storing, retried, lost, read_job
):
    job_id = storing(webhook="https://app.example/hook", webhook_events=["completed"])
    lost(job_id)
    services.recorder.record(job_id)

    retried(job_id)
    assert read_job(job_id).record_due_at is None
    services.storer.store(job_id)
    services.recorder.record(job_id)

    with database.begin() as session:
        events = session.scalars(select(Notification.event).order_by(Notification.at)).all()
    written = json.loads(services.bucket.read(services.keys.key(read_job(job_id), NAME)))
    assert events == ["failed", "succeeded"]
    assert written["job"]["status"] == "succeeded"
    assert [move["to_status"] for move in written["transitions"]][-3:] == [
        *("failed", "storing", "succeeded")
    ]
