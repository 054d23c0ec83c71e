"""Webhooks: who gets which, how they are signed, and what is tried again."""

import base64
import hashlib
import hmac

import orjson
import pytest

from replicate_emulator.webhooks import signature

EVERYTHING = ["start", "output", "logs", "completed"]


def completed(receiver) -> list[dict]:
    return [body for body in receiver.bodies() if "completed_at" in body]


def test_the_documented_example_of_a_signature_comes_out():
    made = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    )

    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_delivery_is_signed_with_the_accounts_secret(replicate, receiver, eventually):
    replicate.create("emulator/echo", {}, webhook=receiver.url)
    eventually(lambda: completed(receiver))

    headers, body = receiver.received[-1]
    secret = replicate.get("/v1/webhooks/default/secret").json()["key"]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert headers["content-type"] == "application/json"


def test_the_body_is_what_get_shows_with_sorted_keys_and_without_source(
    replicate, receiver, eventually
):
    created = replicate.create("emulator/report", {"prompt": "a"}, webhook=receiver.url)
    eventually(lambda: completed(receiver))

    shown = replicate.prediction(created["id"])
    del shown["source"]
    [told] = [raw for _, raw in receiver.received if b'"status":"succeeded"' in raw]
    assert told == orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)
    assert shown["webhook"] == receiver.url


def test_without_a_filter_output_and_completion_are_told(replicate, receiver, eventually):
    replicate.create("emulator/echo", {"_seconds": 0.5}, webhook=receiver.url)
    eventually(lambda: len(receiver.received) == 2)

    assert {body["status"] for body in receiver.bodies()} == {"processing", "succeeded"}


def test_a_filter_decides_which_events_are_told(replicate, receiver, eventually):
    events = {"webhook": receiver.url, "webhook_events_filter": ["start", "completed"]}
    replicate.create("emulator/echo", {"_seconds": 2}, **events)
    eventually(lambda: len(receiver.received) == 2)

    bodies = receiver.bodies()
    assert [body["output"] for body in bodies] == [None, {"_seconds": 2}]


def test_logs_and_output_are_told_at_most_every_half_second(replicate, receiver, eventually):
    replicate.create(
        "meta/meta-llama-3-8b-instruct",
        {"prompt": "a", "_seconds": 1.2},
        webhook=receiver.url,
        webhook_events_filter=EVERYTHING,
    )
    eventually(lambda: completed(receiver))

    # One start, one completed, and in 1.2 seconds no more than three of each of the two others.
    assert 3 <= len(receiver.received) <= 8


def test_a_terminal_webhook_is_retried_until_it_is_taken(replicate, receiver, eventually):
    replicate.configure(webhook_retry_seconds=[0.05, 0.05, 0.05])
    receiver.answers = [500, 404]

    only = {"webhook": receiver.url, "webhook_events_filter": ["completed"]}
    replicate.create("emulator/echo", {}, **only)
    eventually(lambda: len(receiver.received) == 3)

    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1
    assert eventually(lambda: replicate.stats()["webhooks"].get("ok")) == 1
    assert replicate.stats()["webhooks"]["retried"] == 2


def test_a_webhook_before_the_end_is_never_retried(replicate, receiver, eventually):
    replicate.configure(webhook_retry_seconds=[0.01])
    receiver.answers = [500]

    events = {"webhook": receiver.url, "webhook_events_filter": ["start", "completed"]}
    replicate.create("emulator/echo", {"_seconds": 2}, **events)
    eventually(lambda: completed(receiver))

    assert [body["status"] for body in receiver.bodies()] == ["processing", "succeeded"]


def test_a_receiver_that_stays_away_loses_the_webhook_for_good(replicate, eventually):
    replicate.configure(webhook_retry_seconds=[0.01, 0.01])

    replicate.create("emulator/echo", {}, webhook="http://127.0.0.1:1/hook")

    counts = eventually(lambda: "lost" in replicate.stats()["webhooks"] and replicate.stats())
    eventually(lambda: replicate.stats()["webhooks"]["lost"] == 2)
    assert counts["webhooks"].get("ok") is None


def test_a_redirect_is_not_followed_and_not_retried(replicate, receiver, eventually):
    replicate.configure(webhook_retry_seconds=[0.01])
    receiver.answers = [301]

    only = {"webhook": receiver.url, "webhook_events_filter": ["completed"]}
    replicate.create("emulator/echo", {}, **only)

    eventually(lambda: replicate.stats()["webhooks"].get("lost"))
    assert len(receiver.received) == 1


@pytest.mark.parametrize("values", [{"_fail": True}, {"_queue_seconds": 60}])
def test_failed_and_canceled_predictions_are_told_too(replicate, receiver, eventually, values):
    created = replicate.create("emulator/echo", values, webhook=receiver.url)
    if "_queue_seconds" in values:
        replicate.post(f"/v1/predictions/{created['id']}/cancel")

    final = eventually(lambda: completed(receiver))[0]

    assert final["status"] in ("failed", "canceled")


def test_a_webhook_that_is_no_url_is_refused(replicate):
    response = replicate.post_prediction("emulator/echo", input={}, webhook="not a url")

    assert response.status_code == 422


def test_a_dropped_webhook_never_comes(replicate, receiver, eventually):
    replicate.fault("webhook_dropped")

    replicate.run("emulator/echo", {}, webhook=receiver.url)

    eventually(lambda: replicate.stats()["webhooks"].get("dropped") == 2)
    assert receiver.received == []


def test_a_doubled_webhook_comes_twice_under_one_id(replicate, receiver, eventually):
    replicate.fault("webhook_doubled")

    only = {"webhook": receiver.url, "webhook_events_filter": ["completed"]}
    replicate.create("emulator/echo", {}, **only)
    eventually(lambda: len(receiver.received) == 2)

    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1


def test_a_reordered_webhook_comes_after_the_last(replicate, receiver, eventually):
    replicate.fault("webhook_reordered")

    events = {"webhook": receiver.url, "webhook_events_filter": ["start", "completed"]}
    replicate.create("emulator/echo", {}, **events)
    eventually(lambda: len(receiver.received) == 2)

    assert [body["status"] for body in receiver.bodies()] == ["succeeded", "processing"]


def test_a_late_webhook_comes_after_its_delay(replicate, receiver, eventually):
    replicate.fault("webhook_late", webhook_late=0.5)

    replicate.run("emulator/echo", {}, webhook=receiver.url)

    assert receiver.received == []
    eventually(lambda: completed(receiver))


def test_an_unsigned_webhook_has_no_signature(replicate, receiver, eventually):
    replicate.fault("webhook_unsigned")

    replicate.create("emulator/echo", {}, webhook=receiver.url)
    eventually(lambda: completed(receiver))

    assert all("webhook-signature" not in headers for headers, _ in receiver.received)


def test_creates_are_counted_by_the_job_their_webhook_names(replicate, receiver):
    for _ in range(2):
        replicate.create("emulator/echo", {"value": 1}, webhook=receiver.url)

    creates = replicate.stats()["creates"]
    assert creates["by_job"] == {"job-1": 2}
    assert list(creates["by_input"].values()) == [2]
