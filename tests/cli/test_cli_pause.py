import json
from typing import Any

import pytest

HELD = {
    "scope": "model:a/b owner:gallery",
    "model": "a/b",
    "owner": "gallery",
    "created_at": "2026-01-02T03:04:05Z",
}
OPTIONS = ("--model", "a/b", "--owner", "gallery")


def test_pausing_says_what_is_held(fixative: Any, fake_api: Any) -> None:
    fake_api.on("POST /admin/pause", HELD)

    result = fixative("pause", *OPTIONS)

    assert result.stdout == "model:a/b owner:gallery paused\n"
    assert fake_api.asked[0].body == {"model": "a/b", "owner": "gallery"}
    assert json.loads(fixative("pause", "--json").stdout) == HELD
    assert fake_api.asked[1].body == {}


def test_resuming_says_whether_anything_was_lifted(fixative: Any, fake_api: Any) -> None:
    fake_api.on("DELETE /admin/pause", {"resumed": 1}, {"resumed": 0})

    lifted, nothing = fixative("resume", *OPTIONS), fixative("resume")

    assert (lifted.exit_code, lifted.stdout) == (0, "resumed\n")
    assert (nothing.exit_code, nothing.stdout) == (0, "no such pause: nothing was lifted\n")
    assert [asked.query for asked in fake_api.asked] == [{"model": "a/b", "owner": "gallery"}, {}]
    assert json.loads(fixative("resume", "--json").stdout) == {"resumed": 0}


def test_an_unknown_owner_is_one_line(fixative: Any, fake_api: Any) -> None:
    fake_api.problem("POST /admin/pause", 404, "no owner nobody")

    result = fixative("pause", "--owner", "nobody")

    assert (result.exit_code, result.stderr) == (1, "fixative: no owner nobody (404)\n")


@pytest.mark.parametrize(
    ("options", "body"),
    [(("--prediction", "p1"), {"prediction": "p1"}), (("--absent",), {"absent": True})],
)
def test_a_job_is_settled_by_hand(
    fixative: Any, fake_api: Any, a_job: Any, options: Any, body: Any
) -> None:
    job = a_job("processing")
    fake_api.on(f"POST /jobs/{job['id']}/settle", job)

    result = fixative("jobs", "settle", job["id"], *options)

    assert result.stdout == f"{job['id']} processing\n"
    assert fake_api.asked[0].body == body
    assert json.loads(fixative("jobs", "settle", job["id"], *options, "--json").stdout) == job


@pytest.mark.parametrize("options", [(), ("--prediction", "p1", "--absent")])
def test_settling_takes_exactly_one_end(fixative: Any, fake_api: Any, options: Any) -> None:
    result = fixative("jobs", "settle", "an-id", *options)

    assert result.exit_code == 2
    assert fake_api.asked == []


def test_what_an_unclear_job_may_be_is_shown(fixative: Any, fake_api: Any, a_job: Any) -> None:
    candidate = {
        "id": "p1",
        "status": "succeeded",
        "created_at": "2026-01-02T03:04:05Z",
        "model": "a/b",
        "version": None,
        "names_this_attempt": False,
        "same_input": True,
    }
    waiting = {"reason": "needs_review", "until": None, "candidates": [candidate]}
    job = a_job("submitting", waiting=waiting)
    fake_api.on(f"GET /jobs/{job['id']}", job)

    shown = fixative("jobs", "show", job["id"]).stdout

    assert "needs_review" in shown
    assert "p1 succeeded, created 2026-01-02 03:04:05, same input" in shown
