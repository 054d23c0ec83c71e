"""Alarms about Replicate: a local one that refuses, throttles, answers badly, or calls nobody."""

import json
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from fixative.jobs.deliveries import read_delivery
from fixative.replicate import pace
from tests.deploy.promtool import needs_promtool

pytestmark = [needs_promtool, pytest.mark.wide]
FLUX = "black-forest-labs/flux-schnell"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def configure(emulator):
    """Have the local Replicate behave otherwise."""

    def put(**config):
        emulator.post("/_emulator/config", json=config).raise_for_status()

    return put


@pytest.fixture
def submitted(services, submit, read_job):
    """Jobs that were tried to be submitted; why the last of them waits."""

    def make(times=1):
        services.submitter.models.target_of(FLUX, None, None)
        for _ in range(times):
            job_id = submit()
            services.submitter.submit(job_id)
        return read_job(job_id).waiting_reason

    return make


@pytest.fixture
def _short_holds(monkeypatch):
    """A trial goes out after a tenth of a second, instead of 15 s."""
    monkeypatch.setattr(pace, "HOLD_SECONDS", 0.1)
    monkeypatch.setattr(pace, "OPEN_SECONDS", 0.1)


@pytest.mark.usefixtures("_short_holds")
@pytest.mark.parametrize(
    ("ill", "well_again", "reason", "alarm"),
    [
        (
            {"tokens": ["r8_somebody_else"]},
            {"tokens": []},
            "token",
            "FixativeTokenRefused",
        ),
        (
            {"faults": {"402": 1}},
            {"faults": {"402": 0}},
            "credit",
            "FixativeCreditExhausted",
        ),
    ],
)
def test_a_hold(ill, well_again, reason, alarm, configure, submitted, scrape, alarmed, eventually):
    assert submitted() is None
    well = scrape()
    configure(**ill)
    assert submitted() == reason
    held = scrape()
    configure(**well_again)
    eventually(lambda: submitted() is None)

    alarmed(alarm, well, held, scrape(), kind="creates")


@pytest.mark.usefixtures("_short_holds")
def test_a_replicate_that_takes_no_connection(configure, submitted, scrape, alarmed, eventually):
    submitted()
    well = scrape()
    configure(refuse_seconds=10)
    submitted(pace.FAILURES_TO_OPEN)
    away = scrape()
    eventually(lambda: submitted() is None)

    alarmed("FixativeBreakerOpen", well, away, scrape(), kind="creates")


def test_credit_that_is_low(services, configure, submitted, scrape, alarmed):
    submitted()
    well = scrape()
    configure(low_credit=True)
    submitted(3)
    low = scrape()
    configure(low_credit=False)
    [kept] = services.shared.redis.keys("fixative:pace:creates:*")
    services.shared.redis.hset(kept, "learned_at", 0)  # long ago

    alarmed("FixativeCreditLow", well, low, scrape(), minutes=60)


@pytest.fixture
def hooked(app_with):
    """The API with a secret for webhooks, and a client of it."""
    return app_with(replicate_webhook_secret=SecretStr(SECRET))


def call(app, prediction, secret=SECRET):
    """Post a webhook of this prediction, signed with this secret; its id, and the answer."""
    body, now = json.dumps(prediction), datetime.now(UTC)
    name = f"msg_{prediction['id']}"
    signed = {
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, now, body),
    }
    client = app.test_client()
    answer = client.post(
        "/webhook/replicate", data=body, headers=signed, content_type="application/json"
    )
    return name, answer.status_code


def test_webhooks_with_another_secret(hooked, scrape_of, alarmed):
    well = scrape_of(hooked)
    for number in range(30):
        prediction = {"id": f"a-strangers-{number}", "status": "succeeded", "input": {}}
        _, status = call(
            hooked, prediction, secret="whsec_YW5vdGhlciBhY2NvdW50J3Mgb3duIHNlY3JldA=="
        )
        assert status == 401
    refused = scrape_of(hooked)

    alarmed("FixativeWebhooksRefused", well, refused, scrape_of(hooked))


def test_webhooks_that_cease(
    services,
    database,
    hooked,
    submit,
    storing,
    attempts_of,
    read_job,
    scrape_of,
    alarmed,
    eventually,
):
    def told_by_webhook():
        job_id = submit()
        services.submitter.submit(job_id)
        prediction_id = attempts_of(job_id)[0].prediction_id

        def ended():
            found = services.replicate.get(prediction_id)
            return found if found["status"] == "succeeded" else None

        name, status = call(hooked, eventually(ended))
        assert status == 200
        read_delivery(database, name)
        assert read_job(job_id).status == "storing"

    told_by_webhook()
    before = scrape_of(hooked)
    for _ in range(3):
        told_by_webhook()
    well = scrape_of(hooked)
    for _ in range(8):
        storing()
    silent = scrape_of(hooked)
    told_by_webhook()

    alarmed("FixativeWebhooksSilent", before, well, silent, scrape_of(hooked), minutes=40)
