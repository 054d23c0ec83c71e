"""Who may: keys, scopes, and the keys' administration."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select, text

from api import auth
from api.answer_schemas_access import KeyPage, NewKey
from fixative.postgres.tables import ApiKey

BODY = {"model": "emu/image", "input": {}}
OPEN = {
    *("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"),
    *("/webhook/replicate", "/api/webhooks/replicate"),
}


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


def test_a_key_is_taken_as_older_clients_of_replicates_send_it(stranger, new_key, refused):
    def as_token(key):
        return {"Authorization": f"Token {key}"}

    assert stranger.get("/jobs", headers=as_token(new_key())).status_code == 200
    refused(stranger.get("/jobs", headers=as_token("fx_wrong")), 401)


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
        ("POST", "/admin/keys/x/rotate", "admin"),
        ("POST", "/admin/keys/x/revoke", "admin"),
    ],
)
def test_each_route_needs_its_scope(client_of, refused, method, path, scope):
    others = [other for other in ("submit", "read", "cancel", "media", "admin") if other != scope]

    refused(client_of("tests", *others).open(path, method=method), 403)
    assert client_of("tests", scope).open(path, method=method).status_code not in {401, 403}


def test_every_route_says_who_may_use_it(app):
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("ui."):
            continue  # pages ask by themselves: tests/api/dashboard
        scopes = getattr(app.view_functions[rule.endpoint], "scopes", None)
        assert scopes is not None, rule
        assert (scopes == ()) == (str(rule) in OPEN), rule


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


def test_a_key_may_run_and_see_what_is_its_own_when_nothing_is_said(admin):
    made = admin.post("/admin/keys", json={"owner": "gallery"}).json

    assert made["scopes"] == ["submit", "read", "cancel", "media"]


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
        ({"owner": "a", "expires_at": "2020-01-01T00:00:00Z"}, ["expires_at"]),
        ({"owner": "a", "expires_at": "2100-01-01T00:00:00"}, ["expires_at"]),
        ({"owner": "a", "allow": []}, ["allow"]),
        ({"owner": "a", "allow": ["10.0.0.0/8", "10.0.0.1/8"]}, ["allow", 1]),
        ({"owner": "a", "allow": ["example.com"]}, ["allow", 0]),
        ({"owner": "a", "per_minute": 0}, ["per_minute"]),
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


@pytest.fixture
def statements(database):
    """What is sent to Postgres, but for the beginnings and ends of transactions."""
    sent = []

    def keep(_connection, _cursor, statement, parameters, _context, _many):
        sent.append((statement, parameters))

    event.listen(database._engine, "before_cursor_execute", keep)
    yield sent
    event.remove(database._engine, "before_cursor_execute", keep)


def of_keys(statements):
    return [one for one in statements if "api_keys" in one[0] or "owners" in one[0]]


def test_a_key_costs_one_indexed_read_and_none_for_a_few_seconds(
    stranger, new_key, statements, database
):
    key = new_key()
    statements.clear()

    for _ in range(3):
        assert stranger.get("/jobs", headers=bearer(key)).status_code == 200

    (read, *noted) = of_keys(statements)
    assert all(statement.startswith("UPDATE") for statement, _ in noted)
    with database.begin() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))  # the table has few rows
        plan = session.connection().exec_driver_sql(f"EXPLAIN {read[0]}", read[1]).scalars()
        assert "uq_api_keys_prefix" in "".join(plan)
    assert auth.REMEMBERED_SECONDS <= 5


def test_the_admin_key_costs_one_read_once_its_owner_is_there(new_app, settings, statements):
    key = settings.fixative_admin_key.get_secret_value()
    for _ in range(2):
        statements.clear()
        assert new_app().test_client().get("/jobs", headers=bearer(key)).status_code == 200

    assert len(of_keys(statements)) == 1


@pytest.mark.parametrize(
    ("key", "reads"), [("fx_" + "n" * 43, 1), ("fx_short", 0), ("fx_" + "n" * 44, 0), ("x.y.z", 0)]
)
def test_a_wrong_key_costs_one_read_at_most(stranger, refused, statements, key, reads):
    refused(stranger.get("/jobs", headers=bearer(key)), 401)

    assert len(statements) == reads


def test_the_last_use_is_known_to_the_minute_and_nobody_waits_for_it(
    admin, stranger, new_key, new_app, statements
):
    def last_used():
        keys = admin.get("/admin/keys").json["items"]
        return next(item["last_used_at"] for item in keys if item["prefix"] == key[:11])

    key = new_key()
    assert last_used() is None
    with stranger.get("/jobs", headers=bearer(key)) as answer:
        assert not any("UPDATE api_keys" in statement for statement, _ in statements)
    first = last_used()
    assert first is not None
    statements.clear()
    with new_app().test_client().get("/jobs", headers=bearer(key)) as answer:
        assert answer.status_code == 200

    assert not any("UPDATE api_keys" in statement for statement, _ in statements)
    assert last_used() == first


def test_the_last_use_is_not_written_while_another_has_the_key(stranger, new_key, database):
    key = new_key()
    with database.begin() as session:
        row = select(ApiKey).where(ApiKey.prefix == key[:11]).with_for_update()
        session.execute(row)
        with stranger.get("/jobs", headers=bearer(key)) as answer:
            assert answer.status_code == 200

    with database.begin() as session:
        assert session.scalars(row).one().last_used_at is None


def test_a_key_with_limits_shows_them(admin):
    limits = {"allow": ["10.0.0.0/8", "2001:db8::1"], "per_minute": 60}
    until = "2100-01-01T00:00:00Z"

    made = admin.post("/admin/keys", json={"owner": "gallery", "expires_at": until, **limits})

    shown = NewKey.model_validate_json(made.data)
    assert shown.allow == ["10.0.0.0/8", "2001:db8::1/128"]
    assert (shown.per_minute, made.json["expires_at"]) == (60, until)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("10.1.2.3", 200),
        ("::ffff:10.1.2.3", 200),
        ("2001:db8::5", 200),
        ("11.0.0.1", 403),
        ("2001:db9::5", 403),
        ("", 403),
        ("nonsense", 403),
    ],
)
def test_a_key_opens_from_its_networks_only(app, new_key, address, status):
    key = new_key(allow=["10.0.0.0/8", "2001:db8::/32"])
    origin = {"REMOTE_ADDR": address}

    answer = app.test_client().get("/jobs", headers=bearer(key), environ_base=origin)

    assert answer.status_code == status
    assert "10." not in answer.text


@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [
        (0, "10.1.2.3", 403),
        (1, "10.1.2.3", 200),
        (1, "10.1.2.3, 203.0.113.9", 403),
        (2, "10.1.2.3, 203.0.113.9", 200),
        (2, "10.1.2.3", 403),
    ],
)
def test_a_clients_address_is_believed_of_as_many_proxies_as_are_set(
    new_app, settings, new_key, proxies, forwarded, status
):
    behind = settings.model_copy(update={"fixative_trusted_proxies": proxies})
    headers = {**bearer(new_key(allow=["10.0.0.0/8"])), "X-Forwarded-For": forwarded}

    client = new_app(behind).test_client()
    answer = client.get("/jobs", headers=headers, environ_base={"REMOTE_ADDR": "203.0.113.7"})

    assert answer.status_code == status


def test_a_rotated_key_is_good_for_its_grace_and_its_successor_is_like_it(admin, stranger, refused):
    limits = {"scopes": ["read"], "allow": ["0.0.0.0/0"], "per_minute": 1000}
    limits["expires_at"] = "2100-01-01T00:00:00Z"
    old = admin.post("/admin/keys", json={"owner": "gallery", **limits}).json

    answer = admin.post(f"/admin/keys/{old['prefix']}/rotate")

    new = answer.json
    assert (answer.status_code, NewKey.model_validate_json(answer.data).owner) == (201, "gallery")
    assert {name: new[name] for name in limits} == limits
    for key in (old, new):
        assert stranger.get("/jobs", headers=bearer(key["key"])).status_code == 200
    kept = next(k for k in admin.get("/admin/keys").json["items"] if k["id"] == old["id"])
    ends, begun = (datetime.fromisoformat(t) for t in (kept["revoked_at"], new["created_at"]))
    assert (ends - begun, kept["expires_at"]) == (timedelta(days=1), limits["expires_at"])
    refused(admin.post(f"/admin/keys/{old['id']}/rotate"), 409)
    assert admin.post(f"/admin/keys/{old['id']}/revoke").json["revoked_at"] < kept["revoked_at"]


@pytest.mark.parametrize("how", ["rotated without a grace", "revoked in its grace", "expired"])
def test_a_key_whose_time_is_over_opens_nothing_and_cannot_be_rotated(
    admin, stranger, refused, new_key, how
):
    key = new_key(
        "tests", **({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)} if how == "expired" else {})
    )
    path = f"/admin/keys/{key[:11]}"
    if how == "rotated without a grace":
        assert admin.post(f"{path}/rotate?grace_seconds=0").status_code == 201
    elif how == "revoked in its grace":
        assert admin.post(f"{path}/rotate").status_code == 201
        assert admin.post(f"{path}/revoke").status_code == 200

    refused(stranger.get("/jobs", headers=bearer(key)), 401)
    refused(admin.post(f"{path}/rotate"), 409)


def test_a_rotation_that_does_not_fit_changes_nothing(admin, refused, new_key):
    path = f"/admin/keys/{new_key()[:11]}/rotate"

    refused(admin.post(f"{path}?grace_seconds=-1"), 422)
    refused(admin.post(f"{path}?grace_seconds=9999999"), 422)
    refused(admin.post("/admin/keys/unknown/rotate"), 404)
    assert admin.post(path).status_code == 201


def test_a_key_refused_once_is_looked_up_again(stranger, refused, new_key, monkeypatch):
    key = "fx_" + "k" * 43
    refused(stranger.get("/jobs", headers=bearer(key)), 401)
    monkeypatch.setattr("fixative.access.keys.secrets.token_urlsafe", lambda _: "k" * 43)

    assert new_key() == key
    assert stranger.get("/jobs", headers=bearer(key)).status_code == 200
