"""Webhooks: verified, kept, hinted; refused in a way that Replicate's retries can mend."""

import json
import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from standardwebhooks import Webhook

from fixative.errors import DatabaseAway, NotSent
from fixative.names import INGEST_PREDICTION, STORE_OUTPUTS, Hint
from fixative.postgres.tables import Delivery, Job

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PREDICTION = {
    "id": "q5wzgy5k6hrmc0cz8e7s3bqf0r",
    "status": "succeeded",
    "created_at": "2026-01-01T12:00:00.310Z",
    "input": {"prompt": "x"},
    "output": ["https://replicate.delivery/a.png"],
}


def signed(body, webhook_id="msg_1", *, secret=SECRET, at=None):
    at = at or datetime.now(UTC)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
    }


@pytest.fixture(scope="module")
def app(new_app, settings):
    return new_app(settings.model_copy(update={"replicate_webhook_secret": SecretStr(SECRET)}))


@pytest.fixture
def call(app):
    def post(content=PREDICTION, *, path="/webhook/replicate", headers=None, client=None):
        client = client or app.test_client()
        body = content if isinstance(content, str) else json.dumps(content)
        headers = signed(body) if headers is None else headers
        return client.post(path, data=body, headers=headers, content_type="application/json")

    return post


@pytest.fixture
def deliveries(database):
    def read():
        with database.begin() as session:
            return list(session.scalars(select(Delivery)))

    return read


def test_a_signed_webhook_of_nobodys_is_kept_and_looked_at_again(call, deliveries, publisher):
    job_id = uuid.uuid4()

    answer = call(path=f"/webhook/replicate?job={job_id}&attempt=x&mine=y")

    assert (answer.status_code, answer.json) == (200, {"received": True})
    (delivery,) = deliveries()
    assert (delivery.webhook_id, delivery.job_id) == ("msg_1", job_id)
    assert delivery.prediction == PREDICTION
    assert (delivery.result, delivery.processed_at) == ("stranger", None)
    assert publisher.hints == []


def test_the_end_of_a_prediction_is_read_with_the_same_commit_and_its_files_are_asked_for(
    call, deliveries, publisher, submit, told, database
):
    job_id = submit()
    told(job_id, "submitting", "starting", prediction_id=PREDICTION["id"])
    publisher.hints.clear()

    call()

    assert publisher.hints == [Hint(STORE_OUTPUTS, {"job_id": str(job_id)})]
    assert deliveries()[0].processed_at is not None
    with database.begin() as session:
        assert session.get_one(Job, job_id).status == "storing"


def test_what_cannot_be_read_at_once_is_kept_and_left_to_a_worker(
    call, deliveries, publisher, submit, told, database
):
    job_id = submit()
    told(job_id, "submitting", "starting", prediction_id=PREDICTION["id"])
    publisher.hints.clear()
    with database.begin() as session:  # as if somebody had it, and stood still
        session.get_one(Job, job_id, with_for_update=True)
        assert call().status_code == 200

    assert publisher.hints == [Hint(INGEST_PREDICTION, {"delivery_id": "msg_1"})]
    assert (deliveries()[0].result, deliveries()[0].processed_at) == (None, None)


def test_an_earlier_services_address_is_the_same(call, deliveries, refused):
    assert call(path="/api/webhooks/replicate").status_code == 200
    assert len(deliveries()) == 1
    refused(call(path="/api/webhooks/replicate", headers={"webhook-signature": "v1,no"}), 401)


def test_the_same_webhook_again_is_200_and_the_same_delivery(call, deliveries, publisher):
    assert [call().status_code for _ in range(3)] == [200, 200, 200]

    assert len(deliveries()) == 1


@pytest.mark.parametrize("job", ["", "x", "%00", "1' OR 1=1"])
def test_a_job_in_the_address_that_is_no_id_is_no_harm(call, deliveries, job):
    assert call(path=f"/webhook/replicate?job={job}").status_code == 200
    assert deliveries()[0].job_id is None


BODY = json.dumps(PREDICTION)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**signed(BODY), "webhook-signature": ""},
        {**signed(BODY), "webhook-signature": "v1,AAAA"},
        {**signed(BODY), "webhook-signature": "no comma"},
        {**signed(BODY), "webhook-signature": "v1,\xe4"},
        {**signed(BODY), "webhook-id": "msg_2"},
        {**signed(BODY), "webhook-timestamp": "soon"},
        {**signed(BODY), "webhook-timestamp": "9" * 30},
        signed(BODY + " "),
        signed(BODY, secret="whsec_" + "A" * 32),
        signed(BODY, at=datetime.now(UTC) - timedelta(minutes=10)),
        signed(BODY, at=datetime.now(UTC) + timedelta(minutes=30)),
    ],
)
def test_a_bad_missing_or_stale_signature_is_401(call, deliveries, publisher, refused, headers):
    refused(call(BODY, headers=headers), 401)

    assert (deliveries(), publisher.hints) == ([], [])


@pytest.mark.parametrize(
    "changed",
    [{"id": None}, {"id": "a/b"}, {"status": "done"}, {"created_at": None}, {"created_at": "now"}],
)
def test_a_signed_body_that_is_no_prediction_is_422(call, deliveries, refused, changed):
    body = json.dumps({**PREDICTION, **changed})

    answer = call(body)

    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert deliveries() == []


@pytest.mark.parametrize("body", ["[]", "null", '"text"'])
def test_a_signed_body_that_is_no_object_is_422(call, body):
    assert call(body).status_code == 422


@pytest.mark.parametrize("body", ["", "{", '{"id": NaN}'])
def test_a_signed_body_that_is_not_json_is_400(call, refused, body):
    refused(call(body), 400)


def test_what_text_cannot_hold_does_not_lose_the_webhook(call, deliveries):
    assert call({**PREDICTION, "logs": "a\0b\ud800", "output": {"\0": ["\0"]}}).status_code == 200

    kept = deliveries()[0].prediction
    assert kept["logs"] == "a\0b?"


def test_over_20_mb_is_413_before_anything_is_verified(call, refused):
    refused(call(" " * (20 * 2**20 + 1), headers={}), 413)


class Account:
    """Replicate, as far as the secret goes."""

    def __init__(self):
        self.asked = 0
        self.transport = None  # nothing is passed through here
        self.known = True
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.was_asked = threading.Event()

    def webhook_secret(self):
        self.asked += 1
        self.was_asked.set()
        assert self.may_answer.wait(60)
        if not self.known:
            raise NotSent("nobody there")
        return SECRET


@pytest.fixture
def account():
    return Account()


def test_with_postgres_away_it_is_503_and_to_be_sent_again(new_app, account, call, refused):
    class Away:
        def begin(self):
            raise DatabaseAway("connection refused by db.internal")

        check = begin

    answer = call(client=new_app(database=Away(), replicate=account).test_client())

    assert "db.internal" not in refused(answer, 503).detail
    assert int(answer.headers["Retry-After"]) > 0


@pytest.fixture
def without_secret(new_app, account):
    return new_app(replicate=account)


def test_an_unset_secret_is_asked_of_replicate_once(without_secret, account, call):
    client = without_secret.test_client()

    assert [call(client=client).status_code for _ in range(3)] == [200, 200, 200]
    assert account.asked == 1


def test_a_secret_not_known_is_503_and_not_asked_for_at_every_call(
    without_secret, account, call, refused, monkeypatch
):
    client = without_secret.test_client()
    account.known = False

    for _ in range(3):
        answer = call(client=client)
        refused(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
    assert account.asked == 1

    account.known = True
    monkeypatch.setattr("api.webhook_secret.ASK_AGAIN_SECONDS", -1e9)
    later = without_secret.test_client()
    monkeypatch.setattr("api.webhook_secret.time.monotonic", lambda: 1e12)
    assert call(client=later).status_code == 200


def test_while_one_asks_for_the_secret_the_others_do_not_wait_long(
    without_secret, account, call, refused
):
    account.may_answer.clear()
    answers = []
    first = threading.Thread(
        target=lambda: answers.append(call(client=without_secret.test_client()))
    )
    first.start()
    assert account.was_asked.wait(60)

    refused(call(client=without_secret.test_client()), 503)

    account.may_answer.set()
    first.join(10)
    assert [answer.status_code for answer in answers] == [200]
