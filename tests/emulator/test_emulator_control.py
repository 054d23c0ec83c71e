"""The control panel, the pace, retention, uploads, and the program itself."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

FLUX = "/v1/models/black-forest-labs/flux-schnell/predictions"
BODY = {"input": {"prompt": "a"}}


def test_a_change_of_settings_leaves_the_others_alone(replicate):
    before = replicate.get("/_emulator/config").json()

    changed = replicate.configure(faults={"500": 0.25}, seconds={"hang": 3}).json()

    assert changed["faults"] == before["faults"] | {"500": 0.25}
    assert changed["seconds"] == before["seconds"] | {"hang": 3}
    assert changed["retention_seconds"] == before["retention_seconds"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"no_such_key": 1}, "no_such_key"),
        ({"faults": {"no_such_fault": 1}}, "faults.no_such_fault"),
        ({"faults": {"500": 2}}, "faults.500"),
        ({"seconds": {"hang": "long"}}, "seconds.hang"),
        ({"latency": {"*": {"end": 1}}}, "latency.*.end"),
        ({"retention_from": "never"}, "retention_from"),
        ({"creates_per_minute": 0}, "creates_per_minute"),
        ({"low_credit": 1}, "low_credit"),
        ({"models": {"a/b": {"price": 1}}}, "models.a/b.price"),
        ({"models": {"a/b": {"counts": ["words"]}}}, "models.a/b.counts"),
    ],
)
def test_a_setting_that_does_not_exist_or_fit_is_named_and_nothing_changes(
    replicate, changes, named
):
    before = replicate.get("/_emulator/config").json()

    response = replicate.configure(seed=99, **changes)

    assert response.status_code == 422
    assert named in response.json()["detail"]
    assert replicate.get("/_emulator/config").json() == before


def test_a_token_opens_the_account_that_was_named(replicate):
    assert replicate.get("/v1/account").json()["username"] == "local"

    replicate.configure(account="another")

    assert replicate.get("/v1/account").json()["username"] == "another"


def test_a_model_can_be_changed_in_what_it_takes_counts_and_gives(replicate):
    def looked_up():
        version = replicate.get("/v1/models/emulator/echo").json()["latest_version"]
        return version["id"], version["openapi_schema"]["components"]["schemas"]["Input"]

    before, schema = looked_up()
    mood = {"type": "string", "enum": ["calm"]}
    change = {
        "inputs": {"mood": mood, "value": None},
        "required": ["mood"],
        "counts": ["output_token_count"],
        "wraps": True,
        "release": 2,
    }
    replicate.configure(models={"emulator/echo": change})

    after, changed = looked_up()
    assert after != before
    assert (list(changed["properties"]), changed["required"]) == (["mood"], ["mood"])
    route = "/v1/models/emulator/echo/predictions"
    assert replicate.post(route, json={"input": {"value": 1}}).status_code == 422
    made = replicate.post(route, json={"input": {"mood": "calm"}}).json()
    done = replicate.ended(made["id"])
    assert done["output"] == {"result": {"mood": "calm"}}
    assert done["metrics"]["output_token_count"] == 0
    replicate.post("/_emulator/reset")
    assert looked_up() == (before, schema)


def test_a_reset_forgets_everything(replicate):
    replicate.create("emulator/echo", {})
    replicate.configure(seed=5)

    replicate.post("/_emulator/reset")

    assert replicate.listed() == []
    assert replicate.stats()["creates"]["total"] == 0
    assert replicate.get("/_emulator/config").json()["seed"] == 1


def test_the_bill_grows_with_running_time(replicate):
    replicate.run("emulator/sleep", {"seconds": 0.2})
    replicate.run("emulator/sleep", {"seconds": 0.2, "_fail": True})

    bill = replicate.stats()["bill"]
    assert 0.4 <= bill["predict_seconds"] < 2
    assert bill["dollars"] == pytest.approx(bill["predict_seconds"] * 0.001, abs=1e-5)


def test_requests_are_counted_by_route_and_status(replicate):
    replicate.get("/v1/predictions/none")

    assert replicate.stats()["requests"]["GET /v1/predictions/{id} 404"] == 1


def test_a_long_history_is_made_in_no_time(replicate):
    begin = time.monotonic()
    week = {"count": 100_000, "span_seconds": 7 * 86400, "model": "minimax/video-01"}

    answer = replicate.post("/_emulator/history", json=week).json()

    assert answer == {"added": 100_000, "total": 100_000}
    assert time.monotonic() - begin < 10
    newest = replicate.listed()[0]
    assert newest["model"] == "minimax/video-01"
    an_hour_and_more = (datetime.now(UTC) - timedelta(minutes=61)).isoformat()
    assert replicate.listed(created_before=an_hour_and_more)[0]["data_removed"] is True
    replicate.post("/_emulator/reset")


def test_history_refuses_what_it_does_not_know(replicate):
    assert replicate.post("/_emulator/history", json={}).status_code == 422
    unknown = {"count": 1, "model": "no/model"}
    assert replicate.post("/_emulator/history", json=unknown).status_code == 422
    assert replicate.post("/_emulator/history", json={"count": 1, "x": 1}).status_code == 422
    lacking = {"count": 1, "model": "emulator/bytes"}
    assert replicate.post("/_emulator/history", json=lacking).status_code == 422


def test_creates_beyond_the_pace_are_throttled_until_a_token_is_there(replicate):
    replicate.configure(creates_per_minute=120)

    answers = [replicate.post(FLUX, json=BODY) for _ in range(30)]

    refused = next(answer for answer in answers if answer.status_code == 429)
    assert [answer.status_code for answer in answers[:10]] == [201] * 10
    assert refused.status_code == 429
    assert refused.json()["retry_after"] == 1
    assert refused.json()["detail"].startswith("Request was throttled.")
    assert answers[0].headers["ratelimit-remaining"] == "9"


def test_with_little_credit_six_creates_a_minute_are_left(replicate):
    replicate.configure(low_credit=True)

    first, second = (replicate.post(FLUX, json=BODY) for _ in range(2))

    assert first.status_code == 201
    assert second.json() == {
        "detail": "Request was throttled. Your rate limit for creating predictions is reduced to "
        "6 requests per minute with a burst of 1 requests while you have less than $5.0 in credit. "
        "Your rate limit resets in ~10s.",
        "status": 429,
        "retry_after": 10,
    }


def test_after_retention_the_data_is_gone_and_expected_still_knows_it(replicate, eventually, web):
    made = replicate.run("emulator/bytes", {"bytes": 100})
    data = web.get(made["output"]).content

    replicate.configure(retention_seconds=0.5)
    removed = eventually(
        lambda: (found := replicate.prediction(made["id"]))["data_removed"] and found
    )

    assert (removed["output"], removed["input"], removed["logs"]) == (None, {}, "")
    assert removed["status"] == "succeeded"
    assert removed["metrics"] == made["metrics"]
    assert web.get(made["output"]).status_code == 404
    assert replicate.expected(made["id"])[0]["sha256"] == hashlib.sha256(data).hexdigest()


def test_retention_may_count_from_creation(replicate):
    longest = {"model": "minimax/video-01", "input": {"prompt": "a"}}  # runs for 2.5 s
    replicate.post("/_emulator/history", json={"count": 1, "span_seconds": 10, **longest})
    replicate.configure(retention_seconds=10, retention_from="completed")
    kept = replicate.listed()[0]["data_removed"]

    replicate.configure(retention_from="created")

    assert kept is False
    assert replicate.listed()[0]["data_removed"] is True


def test_predictions_of_the_browser_are_kept(replicate):
    past = {"count": 2, "span_seconds": 86400 * 3, "source": "web"}
    replicate.post("/_emulator/history", json=past)

    assert [item["data_removed"] for item in replicate.listed()] == [False, False]


def test_an_uploaded_file_is_listed_downloaded_and_deleted(replicate):
    sent = {"content": ("note.txt", b"hello", "text/plain")}
    made = replicate.post("/v1/files", files=sent, data={"metadata": '{"a": 1}'}).json()
    route = f"/v1/files/{made['id']}"
    link = {"owner": "local", "expiry": int(time.time()) + 60, "signature": "any"}

    assert made["checksums"]["sha256"] == hashlib.sha256(b"hello").hexdigest()
    assert (made["size"], made["metadata"]) == (5, {"a": 1})
    assert replicate.get("/v1/files").json()["results"] == [made]
    assert replicate.get(route).json() == made
    assert replicate.get(f"{route}/download", params=link).content == b"hello"
    assert replicate.get(f"{route}/download", params=link | {"expiry": 1}).status_code == 404
    assert replicate.delete(route).status_code == 204
    assert replicate.get(route).json() == {"detail": "File not found", "status": 404}


def test_the_program_says_where_it_listens_and_stops_when_told(tmp_path, web):
    command = [sys.executable, "-m", "replicate_emulator", "--port", "0", "--token", "r8_only"]
    with subprocess.Popen(
        [*command, "--data-dir", str(tmp_path / "media")], stdout=subprocess.PIPE, text=True
    ) as program:
        url = program.stdout.readline().split()[-1]
        only = {"Authorization": "Bearer r8_only"}
        good = web.get(f"{url}/v1/account", headers=only).status_code
        bad = web.get(f"{url}/v1/account", headers={"Authorization": "Bearer x"}).status_code
        os.kill(program.pid, signal.SIGTERM)
        left = program.wait(60)

    assert (good, bad, left) == (200, 401, 0)


def test_the_emulator_says_what_it_is(replicate):
    assert replicate.get("/").json()["name"] == "replicate_emulator"
    assert replicate.get("/_emulator/").status_code == 200
