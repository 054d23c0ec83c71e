"""Replicate's own API, passed through: what goes there, what comes back, and what never does."""

import io
from functools import cache

import pytest

from fixative.shared import connect
from tests.api.upstream import Reply, upstream_server

MODEL = "/v1/models/black-forest-labs/flux-schnell"
VERSION = f"{MODEL}/versions/{'a' * 64}"
READ_WHILE_RUNNING = (MODEL, f"{MODEL}/versions", VERSION)
HERE = "http://localhost"
TOKEN = "r8_test"


@pytest.fixture(scope="module")
def server():
    with upstream_server() as made:
        yield made


@pytest.fixture
def upstream(server):
    server.received.clear()
    server.reply, server.cut = Reply({}), 0
    return server


@pytest.fixture(scope="module")
def app_on(new_app, settings):
    """The API whose Replicate is there, put together once for the same settings."""

    @cache
    def make(base_url, **changed):
        parts = {name: changed.pop(name) for name in ("redis",) if name in changed}
        changed = {"replicate_base_url": base_url, **changed}
        return new_app(settings.model_copy(update=changed), **parts)

    return make


@pytest.fixture
def client_on(app_on, new_key):
    """A client of the API whose Replicate is there; its key has these scopes."""

    def make(base_url, *scopes, **changed):
        client = app_on(base_url, **changed).test_client()
        key = new_key("tests", *(scopes or ("passthrough",)))
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return client

    return make


@pytest.fixture
def through(client_on, upstream):
    return client_on(upstream.origin)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/models", None),
        ("POST", "/v1/models", b'{"owner": "me", "name": "mine"}'),
        ("QUERY", "/v1/models", b"a model of cats"),
        ("PATCH", MODEL, b'{"description": "x"}'),
        ("DELETE", VERSION, None),
        ("GET", f"{MODEL}/examples", None),
        ("GET", "/v1/search?query=cats%20%26+dogs&limit=2", None),
        ("POST", f"{VERSION}/trainings", b'{"destination": "me/mine", "input": {}}'),
        ("POST", "/v1/trainings/abc/cancel", b""),
        ("DELETE", "/v1/deployments/me/fast", None),
        ("GET", "/v1/account", None),
        ("GET", "/v1/something/new", None),
    ],
)
def test_a_request_goes_there_as_it_came(through, upstream, method, path, body):
    upstream.reply = Reply({"a": 1}, 202)

    answer = through.open(path, method=method, data=body, content_type="text/plain")

    assert (answer.status_code, answer.json) == (202, {"a": 1})
    [received] = upstream.received
    assert (received.method, received.path, received.body) == (method, path, body or b"")
    if body:
        assert received.headers["Content-Type"] == "text/plain"


def test_our_token_goes_to_replicate_and_nothing_of_the_askers_own_does(through, upstream):
    through.set_cookie("session", "secret")
    through.get(
        "/v1/models",
        headers={"X-Forwarded-For": "203.0.113.9", "X-API-Key": "fx_secret", "User-Agent": "me"},
    )

    [received] = upstream.received
    assert {name.lower(): value for name, value in received.headers.items()} == {
        "host": upstream.origin.removeprefix("http://"),
        "authorization": f"Bearer {TOKEN}",
        "accept-encoding": "identity",
        "user-agent": "me",
    }


def test_of_an_answers_headers_only_harmless_ones_come_back(through, upstream):
    harmless = (("ratelimit-remaining", "2999"), ("retry-after", "3"))
    upstream.reply = Reply(
        {},
        headers=(*harmless, ("Set-Cookie", "a=b"), ("X-Token", TOKEN), ("Server", "replicate")),
    )

    headers = through.get("/v1/account").headers

    assert [headers[name] for name, _ in harmless] == [value for _, value in harmless]
    assert {"Set-Cookie", "X-Token"}.isdisjoint(headers.keys())
    assert TOKEN not in str(headers)
    assert "replicate" not in headers.get("Server", "")


def test_a_redirect_is_not_followed_and_leads_here(through, upstream):
    location = f"{upstream.origin}/v1/models/new/name"
    upstream.reply = Reply(status=307, headers=(("Location", location),), content_type=None)

    answer = through.get("/v1/models/old/name")

    assert (answer.status_code, answer.data) == (307, b"")
    assert answer.headers["Location"] == f"{HERE}/v1/models/new/name"
    assert "Content-Type" not in answer.headers
    assert len(upstream.received) == 1


def test_replicates_addresses_of_itself_lead_here_and_all_else_is_as_it_was(through, upstream):
    page = (
        '{"next": "%s/v1/models?cursor=a", "previous":null, "results": [{"n": 1.50, "n": 1e3,'
        ' "urls": {"get":"%s/v1/models/a/b", "web": "https://replicate.com/a/b"},'
        ' "latest_version": {"x": ["%s/v1/a"]}, "escaped": "%s",'
        ' "readme": "ask \\"%s/v1/models\\" or %s/v1/models", "other": "%s/v2"}]}'
    )
    theirs = upstream.origin
    written = theirs.replace("/", r"\/") + r"\/v1\/b"
    upstream.reply = Reply((page % (*[theirs] * 3, written, *[theirs] * 3)).encode())

    answer = through.get("/v1/models")

    ours = page % (*[HERE] * 3, f"{HERE}/v1/b", *[theirs] * 3)
    assert answer.text == ours
    assert answer.content_length == len(ours)


def test_addresses_lead_to_the_public_url_where_there_is_one(client_on, upstream):
    client = client_on(upstream.origin, fixative_public_url="https://fixative.example/base")
    upstream.reply = Reply({"next": f"{upstream.origin}/v1/models?cursor=a"})

    assert client.get("/v1/models").json == {
        "next": "https://fixative.example/base/v1/models?cursor=a"
    }


@pytest.mark.parametrize("status", [400, 403, 404, 422, 500, 503])
def test_replicates_errors_are_the_answer(through, upstream, status):
    told = {"title": "No", "detail": "Not that", "status": status}
    upstream.reply = Reply(told, status, content_type="application/problem+json")

    answer = through.get(MODEL)

    assert (answer.status_code, answer.json) == (status, told)
    assert answer.content_type == "application/problem+json"
    assert len(upstream.received) == 1


def test_what_is_no_json_is_passed_on_as_it_is(through, upstream):
    readme = f'# A model\n\n"{upstream.origin}/v1/models"'.encode() + b"\xff" * 300_000
    upstream.reply = Reply(readme, content_type="text/plain; charset=utf-8")

    answer = through.get(f"{MODEL}/readme")

    assert (answer.data, answer.content_type) == (readme, "text/plain; charset=utf-8")
    assert answer.content_length == len(readme)
    head = through.head(f"{MODEL}/readme")
    assert (head.status_code, head.data) == (200, b"")


def test_an_answer_without_a_body_stays_so(through, upstream):
    upstream.reply = Reply(status=204, content_type=None)

    answer = through.delete(MODEL)

    assert (answer.status_code, answer.data) == (204, b"")


def test_a_body_of_unknown_length_goes_through_in_pieces(through, upstream):
    sent = b"x" * 300_000
    stream = {"wsgi.input": io.BytesIO(sent), "wsgi.input_terminated": True}

    through.post("/v1/models", headers={"Transfer-Encoding": "chunked"}, environ_overrides=stream)

    [received] = upstream.received
    assert received.body == sent
    assert "Content-Length" not in received.headers


@pytest.mark.parametrize("told", [True, False])
def test_a_body_over_25_mb_is_413_and_does_not_arrive(through, upstream, told):
    sent = bytes(25 * 2**20 + 1)
    stream = {"wsgi.input": io.BytesIO(sent), "wsgi.input_terminated": True}
    how = {"CONTENT_LENGTH": str(len(sent))} if told else {"HTTP_TRANSFER_ENCODING": "chunked"}

    answer = through.post("/v1/models", environ_overrides={**stream, **how})

    assert answer.status_code == 413
    assert upstream.received == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/v1/predictions", 405),
        ("PATCH", "/v1/predictions/abc", 405),
        ("GET", f"{MODEL}/predictions", 405),
        ("GET", "/v1/predictions/abc/more", 404),
        ("POST", f"{MODEL}/predictions/", 404),
        ("POST", "/v1/models/a/../predictions/x", 404),
        ("GET", "/v1/models/../predictions", 404),
        ("GET", "/v1/models/%2e%2e/predictions", 404),
        ("GET", "/v1/models/x/..", 404),
        ("POST", "/v1/./predictions", 404),
        ("GET", "/v1/webhooks/default", 404),
        ("GET", "/v1/webhooks/default/secret/", 404),
        ("PATCH", "/v1/files/x", 405),
        ("GET", "/v1/models/%0d%0aX-A:%20b", 404),
        ("PUT", MODEL, 405),
        ("GET", "/v1", 404),
        ("GET", "/v1/", 404),
    ],
)
def test_what_is_ours_or_is_no_address_is_not_passed_on(through, upstream, method, path, status):
    assert through.open(path, method=method).status_code == status
    assert upstream.received == []


@pytest.mark.parametrize("scope", ["read", "submit", "cancel", "media"])
def test_without_its_scope_only_what_clients_read_while_they_run_is_open(
    client_on, upstream, scope
):
    client = client_on(upstream.origin, scope)
    status = 200 if scope in {"read", "submit"} else 403

    assert [client.get(path).status_code for path in READ_WHILE_RUNNING] == [status] * 3
    for method, path in (("GET", "/v1/models"), ("GET", "/v1/account"), ("DELETE", MODEL)):
        answer = client.open(path, method=method)
        assert (answer.status_code, answer.json["status"]) == (403, 403)
        assert answer.json["detail"] == "this key lacks the scope passthrough"
    assert {received.path for received in upstream.received} <= set(READ_WHILE_RUNNING)


def test_what_changes_seldom_is_asked_once_a_minute_and_led_to_who_asks(
    through, upstream, settings
):
    upstream.reply = Reply({"url": f"{upstream.origin}/v1/x"})
    paths = [*READ_WHILE_RUNNING, "/v1/collections", "/v1/collections/cats", "/v1/hardware"]

    first = [through.get(path).json for path in paths]
    again = [through.get(path, base_url="http://other").json for path in paths]

    assert first == [{"url": f"{HERE}/v1/x"}] * len(paths)
    assert again == [{"url": "http://other/v1/x"}] * len(paths)
    assert [received.path for received in upstream.received] == paths
    with connect(settings.redis_url.get_secret_value()) as redis:
        kept = redis.keys("fixative:kept:*")
        assert kept
        assert all(50 < redis.ttl(key) <= 60 for key in kept)


def test_what_is_kept_is_no_longer_kept_for_being_asked_for_beside_others(
    through, upstream, settings
):
    through.get(MODEL)
    with connect(settings.redis_url.get_secret_value()) as redis:
        [key] = redis.keys("fixative:kept:*")
        redis.expire(key, 10)
        through.get(VERSION)
        assert redis.ttl(key) <= 10


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        (MODEL, Reply({}, 404)),
        (MODEL, Reply({}, 500)),
        (MODEL, Reply(b"x", content_type="text/plain")),
        (MODEL, Reply({"x": "x" * 2**20})),
        ("/v1/models", Reply({})),
        ("/v1/account", Reply({})),
        (f"{MODEL}/versions?cursor=a", Reply({})),
    ],
)
def test_everything_else_is_asked_each_time(through, upstream, path, reply):
    upstream.reply = reply

    first, again = through.get(path).data, through.get(path).data

    assert first == again
    assert len(upstream.received) == 2


@pytest.mark.parametrize(("method", "status"), [("PATCH", 200), ("DELETE", 204), ("POST", 500)])
def test_a_write_through_us_forgets_what_was_kept_of_its_model(through, upstream, method, status):
    other = "/v1/models/stability-ai/sdxl"
    for path in (*READ_WHILE_RUNNING, other):
        through.get(path)
    upstream.reply = Reply({}, status)
    through.open(f"{MODEL}/anything" if method == "POST" else MODEL, method=method)
    upstream.reply = Reply({"new": True})

    assert [through.get(path).json for path in READ_WHILE_RUNNING] == [{"new": True}] * 3
    assert through.get(other).json == {}


def test_without_redis_everything_is_asked_for_each_time(client_on, upstream):
    with connect("redis://127.0.0.1:1/0") as away:
        client = client_on(upstream.origin, redis=away)

        assert [client.get(MODEL).status_code for _ in range(2)] == [200, 200]
    assert len(upstream.received) == 2


def test_a_write_whose_answer_is_lost_is_503_and_was_sent_once(through, upstream):
    upstream.reply = Reply({"made": "something"}, 201)
    upstream.cut = 5

    answer = through.post("/v1/models", json={})

    assert answer.status_code == 503
    assert answer.json["detail"] == "Replicate does not answer as it should"
    assert len(upstream.received) == 1


def test_replicate_out_of_reach_is_503(client_on):
    answer = client_on("http://127.0.0.1:1").get("/v1/account")

    assert answer.status_code == 503
    assert answer.json.keys() == {"title", "detail", "status"}


def test_a_token_of_ours_that_is_refused_is_not_the_askers(through, upstream):
    upstream.reply = Reply({"title": "Unauthenticated", "status": 401}, 401)

    answer = through.get("/v1/account")

    assert answer.status_code == 502
    assert answer.json["detail"] == "Replicate refuses the token that this service has"
    assert "WWW-Authenticate" not in answer.headers


def test_reads_and_writes_keep_to_the_pace_of_reads_and_wait_for_it_a_moment(client_on, upstream):
    client = client_on(upstream.origin, fixative_reads_per_minute=120)

    statuses = [client.get("/v1/account").status_code for _ in range(4)]

    assert statuses == [200] * 4


def test_beyond_the_pace_it_is_429_in_replicates_words(client_on, upstream):
    client = client_on(upstream.origin, fixative_reads_per_minute=6)
    assert client.post("/v1/models", json={}).status_code == 200

    answer = client.get("/v1/account")

    seconds = answer.json["retry_after"]
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(seconds))
    assert 5 <= seconds <= 10
    assert answer.json == {
        "title": "Too Many Requests",
        "detail": f"Request was throttled. Your rate limit resets in ~{seconds}s.",
        "status": 429,
        "retry_after": seconds,
    }
    assert len(upstream.received) == 1


def test_what_replicate_says_of_its_pace_is_passed_on_and_kept_to(through, upstream):
    told = {"detail": "Request was throttled.", "status": 429, "retry_after": 7}
    upstream.reply = Reply(told, 429)
    assert (answer := through.get("/v1/account")).json == told
    assert answer.status_code == 429

    assert through.get("/v1/account").json["retry_after"] in range(5, 9)
    assert len(upstream.received) == 1
