"""Alarms about jobs, on rows that are late, unclear, lost or failed; each is mended, and clears."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from fixative.errors import ReplicateError
from fixative.jobs.adopt import adopt_unknown
from fixative.jobs.dead_letters import bury
from fixative.jobs.ingest import ingest
from fixative.jobs.settle import settle_absent
from fixative.jobs.store import error_of, move
from fixative.names import STORE_OUTPUTS
from fixative.postgres.media_tables import Media
from fixative.postgres.operation_tables import DeadLetter
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.prediction import read_prediction
from tests.deploy.promtool import needs_promtool

pytestmark = [needs_promtool, pytest.mark.wide]
FLUX = "black-forest-labs/flux-schnell"


@pytest.fixture
def faults(emulator):
    """Have the local Replicate fail in these ways, always or never."""

    def put(**told):
        emulator.post("/_emulator/config", json={"faults": told}).raise_for_status()

    return put


def test_a_file_that_nobody_stores(services, storing, set_rows, scrape, alarmed):
    job_id, well = storing(), scrape()
    set_rows(Job, next_attempt_at=func.now() - timedelta(minutes=10))
    late = scrape()
    services.storer.store(job_id)

    alarmed("FixativeStageStuck", well, late, scrape(), stage="store")


def test_a_job_that_nobody_submits(services, submit, set_rows, scrape, alarmed):
    job_id, well = submit(), scrape()
    set_rows(Job, next_attempt_at=func.now() - timedelta(hours=1))
    late = scrape()
    services.submitter.submit(job_id)

    alarmed("FixativeJobsWaitLong", well, late, scrape())


def test_an_output_that_is_about_to_be_deleted(services, storing, set_rows, scrape, alarmed):
    job_id, well = storing(), scrape()
    set_rows(Job, expires_at=func.now() + timedelta(minutes=5))
    soon = scrape()
    services.storer.store(job_id)

    alarmed("FixativeOutputExpires", well, soon, scrape())


def test_an_output_that_was_deleted_before_it_was_stored(
    services, storing, emulator, faults, read_job, scrape, alarmed
):
    job_id, well = storing(), scrape()
    faults(output_gone=1)
    services.storer.store(job_id)
    assert read_job(job_id).error["code"] == "output_expired"
    lost = scrape()
    faults(output_gone=0)
    services.storer.store(storing())

    alarmed("FixativeOutputLost", well, lost, scrape())


def test_a_create_that_nobody_can_settle(
    services, database, submit, faults, set_rows, read_job, scrape, alarmed
):
    services.submitter.models.target_of(FLUX, None, None)
    services.replicate.account()
    well = scrape()
    faults(**{"500": 1})
    job_id = submit()
    services.submitter.submit(job_id)
    ago = func.now() - timedelta(minutes=16)
    set_rows(Attempt, created_at=ago, ended_at=ago)
    faults(**{"500": 0, "read_500": 1})
    with pytest.raises(ReplicateError):
        adopt_unknown(database, services.replicate)
    assert read_job(job_id).waiting_reason == "needs_review"
    unclear = scrape()
    settle_absent(database, job_id)

    alarmed("FixativeNeedsReview", well, unclear, scrape())


def test_a_task_that_was_given_up(database, submit, set_rows, scrape, alarmed):
    job_id, well = submit(), scrape()
    with database.begin() as session:
        bury(session, STORE_OUTPUTS, {"job_id": str(job_id)}, ValueError("not our day"))
    dead = scrape()
    set_rows(DeadLetter, requeued_at=func.now())

    alarmed("FixativeDeadLetters", well, dead, scrape(), task=STORE_OUTPUTS)


def test_one_job_in_two_that_fails(services, storing, submit, database, scrape, alarmed):
    well = scrape()
    for _ in range(8):
        job_id = submit()
        services.submitter.submit(job_id)
        with database.begin() as session:
            assert move(
                session, job_id, "failed", cause="poll", error=error_of("model_error", "so it goes")
            )
    failed = scrape()
    services.storer.store(storing())

    alarmed("FixativeJobsFail", well, failed, scrape())


def test_a_prediction_that_was_made_twice(
    services, database, submit, emulator, faults, attempts_of, set_rows, scrape, alarmed
):
    services.submitter.models.target_of(FLUX, None, None)
    well = scrape()
    faults(**{"500": 1})
    job_id = submit()
    services.submitter.submit(job_id)
    faults(**{"500": 0})
    settle_absent(database, job_id)
    services.submitter.submit(job_id)
    first = attempts_of(job_id)[0]
    webhook = f"https://us.example/webhook?job={job_id}&attempt={first.id}"
    made = emulator.post(
        f"/v1/models/{FLUX}/predictions",
        json={"input": {"prompt": "a cat"}, "webhook": webhook},
        headers={"Authorization": "Bearer r8_test"},
    )
    raw = made.json() | {"created_at": first.created_at.isoformat(), "webhook": webhook}
    with database.begin() as session:
        assert ingest(session, read_prediction(raw), cause="webhook").result == "duplicate"
    twice = scrape()

    alarmed("FixativePaidTwice", well, twice, scrape())


def test_jobs_that_take_ten_minutes(services, storing, database, scrape, alarmed):
    services.storer.store(storing())
    before = scrape()
    services.storer.store(storing())
    well = scrape()
    job_id = storing()
    ago = {"created_at": Job.created_at - timedelta(minutes=10)}
    with database.begin() as session:
        session.execute(update(Job).where(Job.id == job_id).values(ago))
    services.storer.store(job_id)
    slow = scrape()
    services.storer.store(storing())

    alarmed("FixativeMediaLate", before, well, slow, scrape(), minutes=90, every=5)


def test_a_record_that_nobody_writes(services, submit, set_rows, scrape, alarmed):
    submit()
    well = scrape()
    set_rows(Job, created_at=func.now() - timedelta(minutes=10))
    late = scrape()
    services.records.record_accepted()

    alarmed("FixativeRecorderLate", well, late, scrape())


def test_a_bucket_that_holds_a_terabyte(services, storing, set_rows, scrape, alarmed):
    services.storer.store(storing())
    well = scrape()
    set_rows(Media, bytes=10**12)
    full = scrape()
    set_rows(Media, bytes=1000)

    alarmed("FixativeBucketFills", well, full, scrape())
