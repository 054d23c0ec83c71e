import json
from typing import Any

OWNER = {
    "id": "0198c0de-0000-7000-8000-0000000000ff",
    "name": "gallery",
    "weight": 2.0,
    "retention_days": None,
    "created_at": "2026-01-02T03:04:05Z",
}


def test_an_owner_is_made_with_what_is_said_of_it(fixative: Any, fake_api: Any) -> None:
    fake_api.on("POST /admin/owners", OWNER)

    result = fixative("owners", "create", "gallery", "--weight", "2", "--json")

    assert json.loads(result.stdout) == OWNER
    assert fake_api.asked[0].body == {"name": "gallery", "weight": 2.0}


def test_owners_are_listed_by_name(fixative: Any, fake_api: Any) -> None:
    fake_api.on("GET /admin/owners", {"items": [OWNER, {**OWNER, "retention_days": 7}]})

    _, first, second = fixative("owners", "list").stdout.splitlines()

    assert first.split()[:5] == [OWNER["id"], "gallery", "2", "as", "set"]
    assert second.split()[3] == "7"


def test_a_rotated_secret_is_shown_with_the_end_of_the_old_one(
    fixative: Any, fake_api: Any
) -> None:
    rotated = {"key": "whsec_bmV3", "old_until": "2026-08-08T12:00:00.5Z"}
    fake_api.on("POST /admin/owners/gallery/rotate-webhook-secret", rotated)

    shown = fixative("owners", "rotate-secret", "gallery")

    assert shown.stdout == "whsec_bmV3\n"
    assert "until 2026-08-08 12:00:00 UTC" in shown.stderr
    assert json.loads(fixative("owners", "rotate-secret", "gallery", "--json").stdout) == rotated
