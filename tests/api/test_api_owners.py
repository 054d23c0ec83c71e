"""Owners: made, changed, listed; and what they say holds for their jobs."""

from datetime import datetime, timedelta

from api.answer_schemas_access import OwnerItem, OwnerPage


def test_an_owner_is_made_and_then_changed_where_something_is_said(admin):
    made = admin.post("/admin/owners", json={"name": "museum", "weight": 2})
    changed = admin.post("/admin/owners", json={"name": "museum", "retention_days": 7})

    first, second = (OwnerItem.model_validate_json(a.data) for a in (made, changed))
    assert (first.weight, first.retention_days) == (2, None)
    assert (second.id, second.weight, second.retention_days) == (first.id, 2, 7)
    listed = OwnerPage.model_validate_json(admin.get("/admin/owners").data)
    assert second in listed.items


def test_what_does_not_fit_is_named(admin, refused):
    for body, place in (
        ({"name": "a b"}, "name"),
        ({"name": "gallery", "weight": 0}, "weight"),
        ({"name": "gallery", "retention_days": 0}, "retention_days"),
    ):
        answer = admin.post("/admin/owners", json=body)
        refused(answer, 422)
        assert [error["loc"] for error in answer.json["errors"]] == [[place]]


def test_an_owners_retention_says_when_a_job_is_deleted(admin, client_of):
    client = client_of("short-lived", "submit", "cancel", "read")
    admin.post("/admin/owners", json={"name": "short-lived", "retention_days": 3})
    job = client.post("/jobs", json={"model": "emu/image", "input": {}}).json

    ended = client.post(f"/jobs/{job['id']}/cancel").json

    kept, since = (datetime.fromisoformat(ended[n]) for n in ("media_expires_at", "completed_at"))
    assert kept - since == timedelta(days=3)
