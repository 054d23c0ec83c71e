"""Who may: keys, scopes, and the keys' administration."""

import pytest

from api import auth
from api.answer_schemas_access import KeyPage, NewKey

BODY = {"model": "emu/image", "input": {}}
OPEN = {"/healthz", "/readyz", "/webhook/replicate", "/docs", "/openapi.json", "/", "/metrics"}


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer fx_wrong"},
        {"Authorization": "Basic Zng6eA=="},
        {"X-API-Key": ""},
        {"X-API-Key": "fx_" + "a" * 40},
        {"X-API-Key": "fx_\xe4"},
        {"X-API-Key": "x" * 5000},
    ],
)
def test_without_a_valid_key_it_is_401_before_anything_is_read(
    stranger, refused, all_jobs, headers
):
    answer = stranger.post("/jobs", data=b"not json", headers=headers)

    refused(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert all_jobs() == []


def test_a_key_with_its_middle_changed_is_401(stranger, new_key, refused):
    key = new_key()

    refused(stranger.get("/jobs", headers=bearer(key[:-1] + "!")), 401)


def test_a_key_is_taken_from_either_header(stranger, new_key):
    key = new_key()

    assert stranger.get("/jobs", headers=bearer(key)).status_code == 200
    assert stranger.get("/jobs", headers={"X-API-Key": key}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/jobs", "submit"),
        ("GET", "/jobs", "read"),
        ("GET", "/jobs/x", "read"),
        ("GET", "/jobs/x/timeline", "read"),
        ("POST", "/jobs/x/cancel", "cancel"),
        ("GET", "/media/x/y", "media"),
        ("POST", "/files", "submit"),
        ("GET", "/files/x", "media"),
        ("DELETE", "/files/x", "submit"),
        ("DELETE", "/jobs/x", "cancel"),
        ("GET", "/admin/owners", "admin"),
        ("POST", "/admin/owners", "admin"),
        ("GET", "/admin/keys", "admin"),
        ("POST", "/admin/keys", "admin"),
        ("POST", "/admin/keys/x/revoke", "admin"),
    ],
)
def test_each_route_needs_its_scope(client_of, refused, method, path, scope):
    others = [other for other in ("submit", "read", "cancel", "media", "admin") if other != scope]

    refused(client_of("tests", *others).open(path, method=method), 403)
    assert client_of("tests", scope).open(path, method=method).status_code not in {401, 403}


def test_every_route_says_who_may_use_it(app):
    for rule in app.url_map.iter_rules():
        scope = getattr(app.view_functions[rule.endpoint], "scope", None)
        assert scope is not None, rule
        assert (scope == auth.ANYBODY) == (str(rule) in OPEN), rule


def test_metrics_need_a_key_from_elsewhere_and_from_behind_a_proxy(stranger, app, api, refused):
    refused(stranger.get("/metrics"), 401)
    refused(app.test_client().get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}), 401)
    refused(stranger.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}), 401)
    assert app.test_client().get("/metrics").status_code == 200
    assert api.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.7"}).status_code == 200


def test_an_admin_makes_a_key_that_works_and_is_shown_once(admin, stranger):
    answer = admin.post("/admin/keys", json={"owner": "gallery", "scopes": ["read"]})

    made = NewKey.model_validate_json(answer.data)
    assert (answer.status_code, made.owner, made.scopes) == (201, "gallery", ["read"])
    assert stranger.get("/jobs", headers=bearer(made.key)).status_code == 200
    listed = admin.get("/admin/keys")
    assert made.key not in listed.text
    KeyPage.model_validate_json(listed.data)
    (item,) = (key for key in listed.json["items"] if key["id"] == str(made.id))
    assert (item["owner"], item["prefix"], item["revoked_at"]) == ("gallery", made.prefix, None)


def test_a_key_may_do_all_but_administrate_when_nothing_is_said(admin):
    made = admin.post("/admin/keys", json={"owner": "gallery"}).json

    assert made["scopes"] == ["submit", "read", "cancel", "media", "passthrough"]


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["owner"]),
        ({"owner": ""}, ["owner"]),
        ({"owner": "a b"}, ["owner"]),
        ({"owner": "a\0"}, ["owner"]),
        ({"owner": "x" * 65}, ["owner"]),
        ({"owner": "a", "scopes": []}, ["scopes"]),
        ({"owner": "a", "scopes": ["all"]}, ["scopes", 0]),
        ({"owner": "a", "expires": 1}, ["expires"]),
    ],
)
def test_a_key_request_that_does_not_fit_is_422_and_named(admin, refused, body, loc):
    problem = refused(admin.post("/admin/keys", json=body), 422)

    assert [error.loc for error in problem.errors] == [loc]


@pytest.mark.parametrize("by", ["id", "prefix"])
def test_a_revoked_key_opens_nothing_once_the_memory_of_it_is_over(
    admin, stranger, refused, monkeypatch, by
):
    monkeypatch.setattr(auth, "REMEMBERED_SECONDS", 0.0)
    made = admin.post("/admin/keys", json={"owner": "gallery"}).json
    assert stranger.get("/jobs", headers=bearer(made["key"])).status_code == 200

    revoked = [admin.post(f"/admin/keys/{made[by]}/revoke") for _ in range(2)]

    assert [answer.status_code for answer in revoked] == [200, 200]
    assert revoked[0].json["revoked_at"] == revoked[1].json["revoked_at"] is not None
    refused(stranger.get("/jobs", headers=bearer(made["key"])), 401)


@pytest.mark.parametrize("key_id", ["unknown", "019a3c1e-5b7d-7c3a-9f00-2d1e6a4b8c70", "%00"])
def test_a_key_that_is_not_there_cannot_be_revoked(admin, refused, key_id):
    refused(admin.post(f"/admin/keys/{key_id}/revoke"), 404)


def test_a_key_costs_no_look_into_postgres_for_a_few_seconds(new_app, new_key, database):
    looks = []

    class Counting:
        def begin(self):
            looks.append(1)
            return database.begin()

        check = begin

    client = new_app(database=Counting()).test_client()
    key = new_key()

    for _ in range(3):
        assert client.get("/nothing", headers=bearer(key)).status_code == 404
    assert len(looks) == 0
    for _ in range(3):
        assert client.get("/jobs", headers=bearer(key)).status_code == 200
    assert len(looks) == 1 + 3
    assert auth.REMEMBERED_SECONDS <= 5


def test_a_key_refused_once_is_looked_up_again(stranger, refused, new_key, monkeypatch):
    key = "fx_" + "k" * 43
    refused(stranger.get("/jobs", headers=bearer(key)), 401)
    monkeypatch.setattr("fixative.access.keys.secrets.token_urlsafe", lambda _: "k" * 43)

    assert new_key() == key
    assert stranger.get("/jobs", headers=bearer(key)).status_code == 200
