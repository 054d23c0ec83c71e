"""Faults on the way to a prediction, each injected; the job's timeline names the true one."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import SecretStr

from fixative.access.budgets import set_budget
from fixative.jobs.adopt import adopt_unknown
from fixative.jobs.cancel import request_cancel
from fixative.jobs.pauses import pause
from fixative.jobs.settle import settle_absent
from fixative.jobs.store import get_job
from fixative.media.bucket import Bucket
from fixative.media.files import Files
from fixative.recovery.sweep import sweep
from fixative.replicate.client import Replicate
from fixative.replicate.models import Models
from fixative.replicate.pace import Pace
from fixative.settings import load_settings

pytestmark = pytest.mark.wide

PNG = "data:image/png;base64," + "iVBORw0K" * 50_000  # too large to be sent as it is


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param("401", ("held", "401"), id="a refused token"),
        pytest.param("402", ("held", "402"), id="no credit"),
        pytest.param("429", ("throttled", "429"), id="too many requests"),
        pytest.param("500", ("unknown", "500"), id="an error of Replicate"),
        pytest.param("reset", ("unknown", "Error: "), id="a connection that was reset"),
    ],
)
def test_a_create_that_was_answered_badly(created, faulty, names, fault, words):
    faulty(fault)

    names(created(), "attempt", *words)


@pytest.mark.parametrize("fault", ["create_then_500", "create_then_reset", "create_late"])
def test_a_create_whose_answer_was_lost(
    services, database, created, faulty, names, fault, eventually
):
    faulty(fault, seconds={"create_late": 0.1})
    job_id = created()
    faulty(faults={fault: 0})

    def adopted():
        adopt_unknown(database, services.replicate)
        with database.begin() as session:
            return get_job(session, job_id).status != "submitting"

    eventually(adopted)
    names(job_id, "transition", "adopt", "submitting")


def test_a_create_that_never_happened(services, database, created, faulty, names, passes):
    faulty("500")
    job_id = created()
    adopt_unknown(database, services.replicate)
    passes(minutes=3)
    adopt_unknown(database, services.replicate)

    names(job_id, "attempt", "absent", "500")
    names(job_id, "transition", "adopt", "proven absent")


def test_a_replicate_that_takes_no_connection(services, submit, faulty, names):
    faulty()
    job_id = submit()
    nobody = Replicate("http://127.0.0.1:9", SecretStr("r8_test"))
    replace(services.submitter, replicate=nobody).submit(job_id)
    nobody.close()

    names(job_id, "attempt", "not_sent", "refused")


def test_an_input_that_replicate_refuses(created, faulty, names):
    faulty()

    names(
        created(input={"prompt": "x", "num_outputs": 40}), "failed", "invalid_input", "num_outputs"
    )


def test_a_model_that_is_not_there(created, names):
    names(created("nobody/nothing"), "failed", "rejected", "404")


def test_a_model_that_nobody_can_be_asked_about(services, submit, names):
    job_id = submit("stability-ai/sdxl")
    nobody = Replicate("http://127.0.0.1:9", SecretStr("r8_test"))
    replace(services.submitter, models=Models(nobody)).submit(job_id)
    nobody.close()

    names(job_id, "put_off", "submit", "not sent")


def test_an_input_file_that_was_never_uploaded(services, owner_id, created, names):
    files = Files(services.database, services.bucket, services.keys)
    missing = f"http://localhost/files/{files.announce(owner_id, 'a.png', 'image/png', 10).id}"

    names(
        created(input={"prompt": "x", "image": missing}), "failed", "invalid_input", "input.image"
    )


def test_a_bucket_that_is_away_when_an_input_is_to_be_sent(services, environ, submit, names):
    away = Bucket(load_settings({**environ, "S3_ENDPOINT_URL": "http://127.0.0.1:9"}))
    without = replace(services.inputs, files=replace(services.inputs.files, bucket=away))
    job_id = submit(input={"prompt": "x", "image": PNG})
    replace(services.submitter, prepare_input=without.prepare).submit(job_id)
    away.close()

    names(job_id, "queued", "not sent", "Could not connect to the endpoint")


def test_a_queue_that_is_held_for_another_jobs_refused_token(
    services, submit, created, faulty, names
):
    faulty("401")
    created()
    job_id = submit()
    services.submitter.submit(job_id)

    names(job_id, "wait", "token")


def test_a_pace_that_others_have_used_up(services, submit, admit, names):
    pace = Pace(services.shared, "little", 1)
    while pace.take().granted:
        pass
    job_id = submit()
    admit(pace)

    names(job_id, "wait", "pace")


def test_a_pause(services, database, submit, admit, names):
    with database.begin() as session:
        pause(session)
    job_id = submit()
    admit(services.creates)

    names(job_id, "wait", "paused")


def test_a_budget_that_is_spent(services, database, submit_priced, names):
    job_id = submit_priced("1")
    with database.begin() as session:
        today = datetime.now(UTC).date()
        set_budget(session, None, "day", Decimal("0.5"), today)
    services.submitter.submit(job_id)

    names(job_id, "submitting", "queued", "no more may be spent today")


def test_a_worker_that_was_killed_after_its_attempt_was_written_down(
    services, database, submit, faulty, passes, names
):
    faulty()
    job_id = submit()
    services.submitter._begin(*_prepared(services, database, job_id))
    passes(minutes=1)
    adopt_unknown(database, services.replicate)

    names(job_id, "attempt", "unknown", "its worker was lost")


def test_time_that_was_over_before_it_could_be_sent(database, submit, passes, names):
    job_id = submit(cancel_after=60)
    passes(minutes=2)
    sweep(database, {})

    names(job_id, "canceled", "not submitted within 60 s")


def test_a_user_who_did_not_want_it_any_more(database, submit, names):
    job_id = submit()
    with database.begin() as session:
        request_cancel(session, get_job(session, job_id))

    names(job_id, "api", "canceled", "before anything was sent")


def test_a_create_that_stays_unclear_until_an_operator_says_what_it_was(
    services, database, created, faulty, passes, names
):
    faulty("500")
    job_id = created()
    faulty("read_500")
    passes(minutes=16)
    with pytest.raises(Exception, match="500"):
        adopt_unknown(database, services.replicate)
    settle_absent(database, job_id)

    names(job_id, "wait", "needs_review")
    names(job_id, "operator", "submitting", "queued")


def _prepared(services, database, job_id):
    with database.begin() as session:
        job = get_job(session, job_id)
    target = services.submitter.models.target_of(job.model, job.version, job.deployment)
    return job, target, None, None
