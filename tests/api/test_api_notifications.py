"""Notifications by HTTP: who is to be told, what was told, and telling it once more."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update

from api.answer_schemas_notifications import (
    NotificationPage,
    Published,
    RotatedSecret,
    WebhookSecret,
)
from fixative.postgres.notification_tables import Notification

JOB = {"model": "emu/image", "input": {}}
HOOK = "https://app.example.com/hook"


@pytest.fixture
def canceled(client_of):
    """A job whose end is to be told."""

    def make(owner="tests", **more):
        client = client_of(owner, "submit", "cancel", "read")
        job = client.post("/jobs", json={**JOB, "webhook": HOOK, **more}).json
        assert client.post(f"/jobs/{job['id']}/cancel").json["status"] == "canceled"
        return job["id"]

    return make


@pytest.mark.parametrize(
    "webhook",
    ["http://app.example.com/hook", "https://127.0.0.1/", "https://a:b@c.example/", "ftp://x", "x"],
)
def test_an_address_that_may_not_be_called_is_refused_by_name(client_of, admin, refused, webhook):
    for answer in (
        client_of().post("/jobs", json={**JOB, "webhook": webhook}),
        admin.post("/admin/owners", json={"name": "gallery", "webhook": webhook}),
    ):
        refused(answer, 422)
        assert [error["loc"] for error in answer.json["errors"]] == [["webhook"]]


def test_an_unknown_event_is_refused(client_of, refused):
    answer = client_of().post("/jobs", json={**JOB, "webhook": HOOK, "webhook_events": ["end"]})
    refused(answer, 422)


def test_an_owners_webhook_holds_for_jobs_that_name_none(admin, client_of):
    owner = admin.post("/admin/owners", json={"name": "hooked", "webhook": HOOK}).json
    assert owner["webhook_events"] == ["succeeded", "failed", "canceled"]
    client = client_of("hooked", "submit", "cancel")
    job = client.post("/jobs", json=JOB).json
    client.post(f"/jobs/{job['id']}/cancel")

    page = NotificationPage.model_validate_json(
        admin.get(f"/admin/notifications?job={job['id']}").data
    )

    assert [(one.event, one.url, one.state) for one in page.items] == [
        ("canceled", HOOK, "pending")
    ]


def test_notifications_are_listed_page_by_page_and_by_state(admin, canceled):
    ids = [canceled() for _ in range(3)]

    first = NotificationPage.model_validate_json(
        admin.get("/admin/notifications?limit=2&state=pending").data
    )
    second = NotificationPage.model_validate_json(
        admin.get(f"/admin/notifications?limit=2&state=pending&cursor={first.next}").data
    )

    assert [str(one.job_id) for one in first.items + second.items] == ids[::-1]
    assert second.next is None
    assert admin.get("/admin/notifications?state=delivered").json["items"] == []


def test_what_is_over_is_told_once_more(admin, canceled, database):
    canceled()
    [found] = admin.get("/admin/notifications").json["items"]
    assert admin.post("/admin/notifications/replay", json={"state": "given_up"}).json == {
        "replayed": 0
    }
    for body_of in (
        lambda id_: (f"/admin/notifications/{id_}/replay", {}),
        lambda _: ("/admin/notifications/replay", {"state": "given_up"}),
        lambda id_: ("/admin/notifications/replay", {"ids": [id_]}),
    ):
        with database.begin() as session:
            session.execute(update(Notification).values(next_attempt_at=None))
        path, body = body_of(found["id"])
        assert admin.post(path, json=body).json == {"replayed": 1}
        assert admin.get("/admin/notifications").json["items"][0]["state"] == "pending"


def test_replaying_takes_one_choice_and_a_notification_that_exists(admin, refused):
    refused(admin.post("/admin/notifications/replay", json={}), 422)
    refused(admin.post("/admin/notifications/nothing/replay"), 404)


def test_every_owner_has_a_secret_of_their_own(client_of):
    secrets = [
        WebhookSecret.model_validate_json(
            client_of(owner, "submit").get("/webhooks/default/secret").data
        ).key
        for owner in ("one", "two", "one")
    ]
    assert secrets[0] == secrets[2] != secrets[1]
    assert all(secret.startswith("whsec_") for secret in secrets)


def test_a_secret_is_rotated_by_its_owner_or_by_an_operator(client_of, admin, refused):
    client = client_of("rotating", "submit")

    def shown():
        return client.get("/webhooks/default/secret").json["key"]

    first = shown()
    second = RotatedSecret.model_validate_json(client.post("/webhooks/default/secret/rotate").data)
    assert second.key == shown() != first
    assert timedelta(hours=23) < second.old_until - datetime.now(UTC) <= timedelta(hours=24)

    third = admin.post("/admin/owners/rotating/rotate-webhook-secret").json["key"]
    assert third == shown() not in {first, second.key}

    refused(admin.post("/admin/owners/nobody/rotate-webhook-secret"), 404)


@pytest.fixture
def untold(canceled, database):
    """A job whose end nobody was told of, as recovery brings them back."""

    def make(**more):
        job_id = canceled(**more)
        with database.begin() as session:
            session.execute(delete(Notification).where(Notification.job_id == job_id))
        return job_id

    return make


def test_what_was_brought_back_is_published_by_a_filter_step_by_step(admin, untold):
    jobs = [untold(label="lost") for _ in range(3)]
    untold(label="other")
    which = {"filter": {"label": "lost", "source": "api"}, "limit": 2}

    first = Published.model_validate_json(
        admin.post("/admin/notifications/publish", json=which).data
    )
    second = admin.post("/admin/notifications/publish", json={**which, "cursor": first.next})

    assert (first.looked_at, first.made, first.again) == (2, 2, 0)
    assert second.json == {"looked_at": 1, "made": 1, "again": 0, "next": None}
    listed = admin.get("/admin/notifications").json["items"]
    assert {(one["job_id"], one["event"], one["state"]) for one in listed} == {
        (job_id, "canceled", "pending") for job_id in jobs
    }


def test_what_was_published_once_is_not_made_again(admin, untold, database):
    untold()
    assert admin.post("/admin/notifications/publish", json={"all": True}).json["made"] == 1
    with database.begin() as session:
        session.execute(update(Notification).values(next_attempt_at=None))

    again = admin.post("/admin/notifications/publish", json={"all": True})

    assert (again.status_code, again.json["made"], again.json["again"]) == (202, 0, 1)
    assert len(admin.get("/admin/notifications").json["items"]) == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"filter": {}}, {"filter": {"source": "moon"}}, {"all": True, "filter": {"label": "x"}}],
)
def test_which_ends_are_published_must_be_said_in_one_way(admin, refused, body):
    refused(admin.post("/admin/notifications/publish", json=body), 422)
