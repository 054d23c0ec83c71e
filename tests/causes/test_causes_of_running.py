"""Faults of predictions and of what Replicate tells of them; the timeline names the true one."""

import pytest

from fixative.jobs.cancel import cancel_prediction, request_cancel
from fixative.jobs.deliveries import read_delivery, receive
from fixative.jobs.store import get_job
from fixative.recovery.poll import ask_about
from fixative.replicate.prediction import read_prediction

pytestmark = pytest.mark.wide

TOKEN = {"Authorization": "Bearer r8_test"}


@pytest.fixture
def polled(services, database, created, attempts_of, read_job, eventually):
    """A job whose prediction's end was found out by asking."""

    def make(*model, **request):
        job_id = created(*model, **request)

        def ended():
            ask_about(database, services.replicate, attempts_of(job_id)[0].prediction_id)
            return read_job(job_id).status not in {"starting", "processing"}

        eventually(ended)
        return job_id

    return make


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param("the model's own words", "model_error", id="a model that fails"),
        pytest.param("CUDA out of memory", "out_of_memory", id="a machine that is too small"),
        pytest.param("Prediction timed out", "timeout", id="a run that takes too long"),
    ],
)
def test_a_prediction_that_fails(polled, names, message, code):
    job_id = polled(input={"prompt": "x", "_error": message})

    names(job_id, "transition", "poll", "failed", code, message)


def test_a_prediction_that_somebody_cancelled_at_replicate(
    services, database, created, emulator, attempts_of, names
):
    job_id = created(input={"prompt": "x", "_seconds": 60})
    prediction_id = attempts_of(job_id)[0].prediction_id
    emulator.post(f"/v1/predictions/{prediction_id}/cancel", headers=TOKEN).raise_for_status()
    ask_about(database, services.replicate, prediction_id)

    names(job_id, "transition", "canceled", "Replicate reports the prediction canceled")


def test_a_user_who_did_not_want_it_any_more_while_it_ran(services, database, created, names):
    job_id = created(input={"prompt": "x", "_seconds": 60})
    with database.begin() as session:
        request_cancel(session, get_job(session, job_id))
    cancel_prediction(database, services.replicate, job_id)

    names(job_id, "cancel", "api", "its end was asked for")
    names(job_id, "transition", "canceled")


def test_a_webhook_that_never_came(polled, names):
    names(polled(), "transition", "poll", "storing")


def test_a_webhook_that_came_when_the_end_was_known(database, polled, attempts_of, names):
    job_id = polled()
    late = read_prediction(attempts_of(job_id)[0].prediction)
    with database.begin() as session:
        receive(session, "msg_late", late, job_id)
    read_delivery(database, "msg_late")

    names(job_id, "delivery", "webhook", "succeeded", "known")
