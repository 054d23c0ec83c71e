"""`fixative dead`: what was given up, seen and tried again from the command line."""

import json

import pytest

LETTER = {
    "id": "0198c0de-0000-7000-8000-0000000000ff",
    "task": "fixative.store_outputs",
    "arguments": {"job_id": "0198c0de-0000-7000-8000-000000000001"},
    "job_id": "0198c0de-0000-7000-8000-000000000001",
    "error_class": "WorkerLost",
    "message": "10 workers died of this row",
    "attempts": 10,
    "created_at": "2026-01-02T03:04:05Z",
    "requeued_at": None,
}


def test_letters_are_listed_with_what_went_wrong(fixative, fake_api):
    fake_api.on("GET /admin/dead-letters", {"items": [LETTER], "next": None})

    of = ("--task", "fixative.store_outputs", "--job", LETTER["job_id"], "--requeued")
    shown = fixative("dead", "list", *of).stdout

    assert "WorkerLost: 10 workers died" in shown
    assert fake_api.asked[0].query == {
        "task": "fixative.store_outputs",
        "job": LETTER["job_id"],
        "requeued": "true",
        "limit": "50",
    }


def test_a_job_is_shown_with_the_letters_it_has(fixative, fake_api, a_job):
    told = ("id", "task", "error_class", "message", "created_at")
    job = a_job("storing", dead_letters=[{name: LETTER[name] for name in told}])
    fake_api.on(f"GET /jobs/{job['id']}", job)

    shown = fixative("jobs", "show", job["id"]).stdout

    assert "fixative.store_outputs, WorkerLost: 10 workers died of this row" in shown
    assert LETTER["id"] in shown


def test_letters_as_json_are_the_list_itself(fixative, fake_api):
    fake_api.on("GET /admin/dead-letters", {"items": [LETTER], "next": None})

    assert json.loads(fixative("dead", "list", "--json").stdout) == [LETTER]


def test_one_letter_is_shown_with_its_traceback(fixative, fake_api):
    fake_api.on(f"GET /admin/dead-letters/{LETTER['id']}", {**LETTER, "traceback": "Trace\nback"})

    shown = fixative("dead", "show", LETTER["id"]).stdout

    assert shown.endswith("Trace\nback\n")
    assert "fixative.store_outputs" in shown


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ((LETTER["id"],), {"ids": [LETTER["id"]]}),
        (("--task", "fixative.sweep"), {"task": "fixative.sweep"}),
        (("--all",), {"all": True}),
    ],
)
def test_letters_are_requeued_in_one_of_three_ways(fixative, fake_api, arguments, body):
    fake_api.on("POST /admin/dead-letters/requeue", {"requeued": 2})

    assert fixative("dead", "requeue", *arguments).stdout == "2 requeued\n"
    assert fake_api.asked[0].body == body


@pytest.mark.parametrize("arguments", [(), ("--all", "--task", "x")])
def test_which_letters_must_be_said_in_one_way(fixative, fake_api, arguments):
    assert fixative("dead", "requeue", *arguments).exit_code == 2
    assert fake_api.asked == []
