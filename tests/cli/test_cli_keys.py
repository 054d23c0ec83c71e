import json
from datetime import UTC, datetime
from typing import Any

KEY = {
    "id": "0198c0de-0000-7000-8000-0000000000ff",
    "prefix": "fx_abcdefgh",
    "owner": "gallery",
    "scopes": ["submit", "read"],
    "allow": None,
    "per_minute": None,
    "created_at": "2026-01-02T03:04:05Z",
    "expires_at": None,
    "last_used_at": None,
    "revoked_at": None,
}
MADE = {**KEY, "key": "fx_abcdefgh_and_the_rest"}


def test_a_new_key_as_json_is_its_id_its_prefix_and_itself(fixative: Any, fake_api: Any) -> None:
    fake_api.on("POST /admin/keys", MADE)

    result = fixative("keys", "create", "--owner", "gallery", "--scopes", "submit, read", "--json")

    assert json.loads(result.stdout) == {name: MADE[name] for name in ("id", "prefix", "key")}
    assert fake_api.asked[0].body == {"owner": "gallery", "scopes": ["submit", "read"]}


def test_a_new_key_stands_alone_on_stdout_so_that_it_can_be_piped(
    fixative: Any, fake_api: Any
) -> None:
    fake_api.on("POST /admin/keys", MADE)

    result = fixative("keys", "create", "--owner", "gallery")

    assert result.stdout == f"{MADE['key']}\n"
    assert fake_api.asked[0].body == {"owner": "gallery"}


def test_a_key_may_have_an_end_networks_and_a_limit(fixative: Any, fake_api: Any) -> None:
    fake_api.on("POST /admin/keys", MADE)
    until = ("--expires", "2100-01-02T00:00:00+00:00")
    limits = ("--allow", "10.0.0.0/8, 2001:db8::/32", "--per-minute", "60")

    assert fixative("keys", "create", "--owner", "gallery", *until, *limits).exit_code == 0

    asked = fake_api.asked[0].body
    assert datetime.fromisoformat(asked.pop("expires_at")) == datetime(2100, 1, 2, tzinfo=UTC)
    networks = ["10.0.0.0/8", "2001:db8::/32"]
    assert asked == {"owner": "gallery", "allow": networks, "per_minute": 60}


def test_a_rotated_key_is_shown_as_a_new_one_is(fixative: Any, fake_api: Any) -> None:
    fake_api.on("POST /admin/keys/fx_12345678/rotate", MADE)

    result = fixative("keys", "rotate", "fx_12345678", "--grace", "60")

    assert result.stdout == f"{MADE['key']}\n"
    assert "fx_abcdefgh of gallery" in result.stderr
    assert fake_api.asked[0].query == {"grace_seconds": "60"}


def test_keys_are_listed_without_themselves(fixative: Any, fake_api: Any) -> None:
    fake_api.on("GET /admin/keys", {"items": [KEY], "next": None})

    assert fixative("keys", "list").stdout.splitlines()[1].split() == [
        *(KEY["id"], KEY["prefix"], "gallery", "submit,read", "2026-01-02", "03:04:05")
    ]
    assert json.loads(fixative("keys", "list", "--json").stdout) == [KEY]


def test_a_key_is_revoked_by_its_id_or_prefix(fixative: Any, fake_api: Any) -> None:
    fake_api.on("POST /admin/keys/fx_abcdefgh/revoke", KEY)

    result = fixative("keys", "revoke", "fx_abcdefgh")

    assert result.exit_code == 0
    assert result.stdout == "fx_abcdefgh revoked\n"


def test_a_key_without_the_scope_is_told_so(fixative: Any, fake_api: Any) -> None:
    fake_api.problem("GET /admin/keys", 403, "this key lacks the scope admin")

    result = fixative("keys", "list")

    assert result.exit_code == 1
    assert result.stderr == "fixative: this key lacks the scope admin (403)\n"
