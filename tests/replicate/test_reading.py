"""Replicate's JSON and signatures, with their recorded oddities."""

import json
from datetime import UTC, datetime

import httpx
import pytest
from standardwebhooks import Webhook

from fixative.errors import BadSignature, MalformedPrediction, NoAnswer, NotSent, Refused
from fixative.replicate.attempts import outcome_of
from fixative.replicate.prediction import read_instant, read_prediction, richer
from fixative.replicate.signature import verify
from fixative.replicate.transport import refusal

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MINIMAL = {"id": "abc", "status": "starting", "created_at": "2026-03-01T10:00:00.469Z"}


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2026-03-01T10:00:00Z", 0),
        ("2026-03-01T10:00:00.4Z", 400_000),
        ("2026-03-01T10:00:00.0649Z", 64_900),
        ("2026-03-01T10:00:00.882143865Z", 882_143),
        ("2026-03-01T10:00:00.5+00:00", 500_000),
    ],
)
def test_times_have_any_number_of_digits(text, microsecond):
    assert read_instant(text) == datetime(2026, 3, 1, 10, 0, 0, microsecond, tzinfo=UTC)


def test_absent_keys_are_no_error():
    prediction = read_prediction(MINIMAL)

    assert (prediction.model, prediction.input, prediction.webhook) == (None, {}, None)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        {},
        {**MINIMAL, "id": 5},
        {**MINIMAL, "id": "../x"},
        {**MINIMAL, "status": "exploded"},
        {**MINIMAL, "created_at": None},
        {**MINIMAL, "created_at": "yesterday"},
        {**MINIMAL, "created_at": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_what_is_no_prediction_is_refused(raw):
    with pytest.raises(MalformedPrediction):
        read_prediction(raw)


def test_halves_of_surrogate_pairs_are_replaced_and_nul_is_kept():
    raw = read_prediction({**MINIMAL, "output": ["\ud800x", "a\0b", {"\udfff": 1}]}).raw

    assert raw["output"] == ["?x", "a\0b", {"?": 1}]


def test_an_ended_prediction_does_not_run_again():
    done, late = {"status": "succeeded", "output": 1}, {"status": "processing", "output": None}

    assert richer(done, late) == done


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NotSent("refused"), "not_sent"),
        (NoAnswer("reset"), "unknown"),
        *[(Refused(status, "x"), "unknown") for status in (408, 409, 425, 500, 502, 503, 504)],
        *[(Refused(status, "x"), "held") for status in (401, 402, 403)],
        *[(Refused(status, "x"), "rejected") for status in (301, 400, 404, 413, 422)],
        (Refused(429, "x"), "throttled"),
    ],
)
def test_every_answer_has_its_outcome(error, outcome):
    assert outcome_of(error).outcome == outcome


def signed(body, **changes):
    at = datetime.now(UTC)
    signature = Webhook(SECRET).sign("msg_1", at, body.decode())
    headers = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": signature,
    }
    return {**headers, **changes}


def test_a_signed_webhook_tells_its_id():
    body = '{"é": 1}'.encode()

    assert verify([SECRET], signed(body), body) == "msg_1"
    many = "v1,AAAA v2,xyz " + signed(body)["Webhook-Signature"]
    assert verify([SECRET], signed(body, **{"Webhook-Signature": many}), body) == "msg_1"


@pytest.mark.parametrize(
    "changes",
    [
        {"Webhook-Id": ""},
        {"Webhook-Id": "msg_2"},
        {"Webhook-Timestamp": "soon"},
        {"Webhook-Timestamp": "nan"},
        {"Webhook-Timestamp": "1614265330"},
        {"Webhook-Signature": ""},
        {"Webhook-Signature": "v1"},
        {"Webhook-Signature": "v1,"},
        {"Webhook-Signature": "v1,%%%"},
        {"Webhook-Signature": "junk junk,junk,junk"},
        {"Webhook-Signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
    ],
)
def test_anything_wrong_with_a_signature_is_one_error(changes):
    with pytest.raises(BadSignature):
        verify([SECRET], signed(b"{}", **changes), b"{}")


def test_a_body_that_was_changed_or_is_no_text_is_refused():
    for body in (b'{"a":2}', b"\xff"):
        with pytest.raises(BadSignature):
            verify([SECRET], signed(b"{}"), body)


@pytest.mark.parametrize("webhook", ["http://[", "https://a.example/\ud800", "https://]x/?job=1"])
def test_a_webhook_that_is_no_address_names_no_attempt(webhook):
    assert read_prediction({**MINIMAL, "webhook": webhook}).claimed_by is None


@pytest.mark.parametrize("depth", [101, 240, 800])
def test_what_is_nested_too_deep_to_be_walked_stands_there_as_its_json(depth):
    nested = json.loads("[" * depth + '"\ud800"' + "]" * depth)

    output = read_prediction({**MINIMAL, "output": nested}).raw["output"]

    levels = 0
    while isinstance(output, list):
        output, levels = output[0], levels + 1
    assert levels == 100
    assert output == "[" * (depth - 100) + '"\\ud800"' + "]" * (depth - 100)


def test_what_is_not_so_deep_is_as_it_was():
    nested = json.loads("[" * 100 + "]" * 100)

    assert read_prediction({**MINIMAL, "output": nested}).raw["output"] == nested
    assert read_prediction({**MINIMAL, "output": [[1]] * 500}).raw["output"] == [[1]] * 500


def test_an_error_that_nests_without_end_is_a_refusal_like_others():
    assert refusal(httpx.Response(503, content=b"[" * 100_000)).status == 503
