"""`fixative notifications`: what was told, told once more, and published, from the command line."""

import json

import pytest

TOLD = {
    "id": "0198c0de-0000-7000-8000-0000000000ff",
    "job_id": "0198c0de-0000-7000-8000-000000000001",
    "owner_id": "0198c0de-0000-7000-8000-00000000000a",
    "event": "succeeded",
    "url": "https://app.example.com/hook",
    "state": "given_up",
    "at": "2026-01-02T03:04:05Z",
    "tries": 13,
    "next_attempt_at": None,
    "delivered_at": None,
    "log": [{"at": "2026-01-03T03:04:05Z", "status": 503, "error": "it answered 503"}],
}
PUBLISHED = {"looked_at": 500, "made": 4, "again": 1}


def test_notifications_are_listed_with_how_the_last_try_went(fixative, fake_api):
    untried = {**TOLD, "state": "pending", "tries": 0, "log": []}
    fake_api.on("GET /admin/notifications", {"items": [TOLD, untried], "next": None})

    of = ("--job", TOLD["job_id"], "--owner", TOLD["owner_id"], "--state", "given_up")
    shown = fixative("notifications", "list", *of).stdout

    assert "given_up" in shown
    assert "it answered 503" in shown
    assert fake_api.asked[0].query == {
        "job": TOLD["job_id"],
        "owner": TOLD["owner_id"],
        "state": "given_up",
        "limit": "50",
    }
    assert json.loads(fixative("notifications", "list", "--json").stdout) == [TOLD, untried]


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ((TOLD["id"],), {"ids": [TOLD["id"]]}),
        (("--state", "given_up", "--job", "x"), {"state": "given_up", "job": "x"}),
    ],
)
def test_they_are_told_once_more_in_one_of_two_ways(fixative, fake_api, arguments, body):
    fake_api.on("POST /admin/notifications/replay", {"replayed": 2})

    assert fixative("notifications", "replay", *arguments).stdout == "2 told once more\n"
    assert fake_api.asked[0].body == body
    shown = fixative("notifications", "replay", *arguments, "--json").stdout
    assert json.loads(shown) == {"replayed": 2}


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        (("--all",), {"all": True}),
        (
            ("--label", "lost", "--source", "replay"),
            {"filter": {"label": "lost", "source": "replay"}},
        ),
    ],
)
def test_ends_are_published_over_as_many_requests_as_that_takes(
    fixative, fake_api, arguments, chosen
):
    steps = [{**PUBLISHED, "next": "c"}, {**PUBLISHED, "again": 0, "next": None}]
    fake_api.on("POST /admin/notifications/publish", *steps)

    shown = fixative("notifications", "publish", *arguments).stdout

    assert shown == "9 ends of 1000 jobs published, 1 of them once more\n"
    assert [asked.body for asked in fake_api.asked] == [
        {**chosen, "limit": 500},
        {**chosen, "limit": 500, "cursor": "c"},
    ]


def test_what_was_published_as_json_is_the_sum(fixative, fake_api):
    fake_api.on("POST /admin/notifications/publish", {**PUBLISHED, "next": None})

    assert json.loads(fixative("notifications", "publish", "--all", "--json").stdout) == PUBLISHED


@pytest.mark.parametrize(
    "arguments",
    [
        ("publish",),
        ("publish", "--all", "--label", "x"),
        ("replay",),
        ("replay", "x", "--state", "delivered"),
    ],
)
def test_which_are_meant_must_be_said_in_one_way(fixative, fake_api, arguments):
    assert fixative("notifications", *arguments).exit_code == 2
    assert fake_api.asked == []
