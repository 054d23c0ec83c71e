import json
from typing import Any

import pytest


def test_the_list_shows_whole_ids_even_in_a_pipe(fixative: Any, fake_api: Any, a_job: Any) -> None:
    fake_api.on("GET /jobs", {"items": [a_job()], "next": None})

    result = fixative("jobs", "list", "--status", "succeeded", "--model", "a/b", "--limit", "5")

    head, line = result.stdout.splitlines()
    assert head.split()[:2] == ["id", "status"]
    assert line.split()[:2] == [a_job()["id"], "succeeded"]
    assert fake_api.asked[0].query == {"status": "succeeded", "model": "a/b", "limit": "5"}


def test_a_long_list_takes_as_many_pages_as_it_needs(
    fixative: Any, fake_api: Any, a_job: Any
) -> None:
    full = {"items": [a_job()] * 200, "next": "more"}
    fake_api.on("GET /jobs", full, {"items": [a_job()] * 50, "next": "even more"})

    result = fixative("jobs", "list", "--limit", "250", "--json")

    assert len(json.loads(result.stdout)) == 250
    assert [asked.query for asked in fake_api.asked] == [
        {"limit": "200"},
        {"limit": "50", "cursor": "more"},
    ]


def test_a_status_that_does_not_exist_is_refused_here(fixative: Any, fake_api: Any) -> None:
    result = fixative("jobs", "list", "--status", "done")

    assert result.exit_code == 2
    assert fake_api.asked == []


def test_a_job_is_shown_with_its_links_and_without_empty_facts(
    fixative: Any, fake_api: Any, a_job: Any, a_medium: Any
) -> None:
    job = a_job(media=[a_medium()])
    fake_api.on(f"GET /jobs/{job['id']}", job)

    result = fixative("jobs", "show", job["id"])

    assert job["media"][0]["url"] in result.stdout
    assert "2026-01-02 03:04:05" in result.stdout
    assert "waiting" not in result.stdout


def test_a_job_as_json_is_the_apis_own_answer(fixative: Any, fake_api: Any, a_job: Any) -> None:
    fake_api.on(f"GET /jobs/{a_job()['id']}", a_job())

    assert json.loads(fixative("jobs", "show", a_job()["id"], "--json").stdout) == a_job()


def test_all_jobs_are_asked_to_end_even_when_one_is_unknown(
    fixative: Any, fake_api: Any, a_job: Any
) -> None:
    fake_api.problem("POST /jobs/nothing/cancel", 404, "no such job")
    fake_api.on(
        "POST /jobs/one/cancel",
        a_job(
            "processing", id="one", completed_at=None, cancel_requested_at="2026-01-02T03:04:06Z"
        ),
    )
    fake_api.on("POST /jobs/two/cancel", a_job("canceled", id="two"))

    result = fixative("jobs", "cancel", "one", "nothing", "two")

    assert result.exit_code == 1
    assert result.stdout.splitlines() == ["one processing, cancel requested", "two canceled"]
    assert result.stderr == "fixative: nothing: no such job (404)\n"


def test_deleting_goes_on_when_one_job_is_unfinished(fixative: Any, fake_api: Any) -> None:
    fake_api.problem("DELETE /jobs/running", 409, "the job is processing")
    fake_api.on("DELETE /jobs/one", None)

    result = fixative("jobs", "delete", "running", "one")

    assert result.exit_code == 1
    assert result.stdout == "one deleted\n"
    assert result.stderr == "fixative: running: the job is processing (409)\n"


def test_the_timeline_is_a_line_for_each_thing_that_happened(
    fixative: Any, fake_api: Any, a_job: Any
) -> None:
    item = {
        "at": "2026-01-02T03:04:05.678901Z",
        "kind": "transition",
        "cause": "webhook",
        "from": "starting",
        "to": "processing",
        "detail": None,
    }
    fake_api.on(f"GET /jobs/{a_job()['id']}/timeline", {"items": [item]})

    table = fixative("jobs", "timeline", a_job()["id"]).stdout.splitlines()
    told = json.loads(fixative("jobs", "timeline", a_job()["id"], "--json").stdout)

    assert table[1].split() == [
        *("2026-01-02", "03:04:05.678", "transition"),
        *("webhook", "starting", "processing"),
    ]
    assert told == [item]


def test_every_filter_of_the_list_reaches_the_api(fixative: Any, fake_api: Any) -> None:
    fake_api.on("GET /jobs", {"items": [], "next": None})
    options = {
        "status": "failed",
        "model": "a/b",
        "job-type": "image",
        "owner": "gallery",
        "label": "l",
        "batch": "b1",
        "waiting": "any",
        "words": "fog sea",
        "created-after": "2026-01-01T00:00:00+00:00",
        "created-before": "2026-01-02T00:00:00+00:00",
    }

    fixative("jobs", "list", *(part for k, v in options.items() for part in (f"--{k}", v)))

    named = {key.replace("-", "_"): value for key, value in options.items()}
    asked = {"q": named.pop("words"), "limit": "20", **named}
    assert fake_api.asked[0].query == asked


@pytest.mark.parametrize("operation", ["cancel", "retry"])
def test_what_is_done_to_all_goes_on_until_nothing_is_left(
    fixative: Any, fake_api: Any, operation: str
) -> None:
    page = {"matched": 2, "done": 2, "ids": ["a", "b"], "refused": [], "next": "more"}
    last = {"matched": 1, "done": 0, "ids": [], "refused": [{"id": "c", "detail": "it runs"}]}
    fake_api.on(f"POST /jobs/{operation}", page, {**last, "next": None})

    result = fixative("jobs", operation, "--label", "fog", "--json")

    told = json.loads(result.stdout)
    assert (told["matched"], told["done"], told["ids"]) == (3, 2, ["a", "b"])
    assert (result.exit_code, result.stderr) == (1, "fixative: c: it runs\n")
    bodies = [asked.body for asked in fake_api.asked]
    assert [body["filter"] for body in bodies] == [{"label": "fog"}] * 2
    assert [body.get("cursor") for body in bodies] == [None, "more"]


def test_all_jobs_are_retried_and_paid_for_only_when_that_is_said(
    fixative: Any, fake_api: Any
) -> None:
    none = {"matched": 0, "done": 0, "ids": [], "refused": [], "next": None}
    fake_api.on("POST /jobs/retry", none)

    fixative("jobs", "retry", "--all")
    result = fixative("jobs", "retry", "--all", "--pay-again")

    assert (result.exit_code, result.stdout) == (0, "0 of 0 jobs: retry asked\n")
    assert [(a.body["all"], a.body["pay_again"]) for a in fake_api.asked] == [
        (True, False),
        (True, True),
    ]


def test_named_jobs_are_retried_one_by_one(fixative: Any, fake_api: Any, a_job: Any) -> None:
    fake_api.on("POST /jobs/one/retry", a_job("storing", id="one", completed_at=None))
    fake_api.problem("POST /jobs/two/retry", 409, "another attempt costs money")

    result = fixative("jobs", "retry", "one", "two")

    assert (result.exit_code, result.stdout) == (1, "one storing\n")
    assert result.stderr == "fixative: two: another attempt costs money (409)\n"


@pytest.mark.parametrize(
    "words", [[], ["one", "--all"], ["one", "--label", "a"], ["--all", "--label", "a"]], ids=str
)
@pytest.mark.parametrize("operation", ["cancel", "retry"])
def test_which_jobs_are_meant_is_said_in_one_way(
    fixative: Any, fake_api: Any, operation: str, words: list[str]
) -> None:
    result = fixative("jobs", operation, *words)

    assert result.exit_code == 2
    assert fake_api.asked == []
