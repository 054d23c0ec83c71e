"""Every route that needs a key, against every key that must not open it."""

import re
import uuid
from datetime import UTC, datetime

import pytest

from fixative.access.caller import SCOPES
from fixative.access.keys import revoke_key
from fixative.access.owners import ensure_owner
from fixative.jobs.accept import JobRequest, accept
from tests.access.issuer import encoded

OPEN = {
    "/healthz": "asked by what keeps processes alive",
    "/readyz": "asked by load balancers; names no owner",
    "/metrics": "from this machine only; from elsewhere it asks for a key itself",
    "/webhook/replicate": "Replicate signs what it sends",
    "/api/webhooks/replicate": "the same",
    "/docs": "a page that holds nothing",
    "/openapi.json": "what stands in the source",
}
WHILE_RUNNING = ("passthrough", "read", "submit")  # one of them is enough
FILE_READERS = ("submit", "read")
SCOPE = {
    "POST /jobs": "submit",
    "GET /jobs": "read",
    "GET /jobs/<id:job_id>": "read",
    "GET /jobs/<job_id>/timeline": "read",
    "GET /jobs/<job_id>/events": "read",
    "GET /events": "read",
    "POST /jobs/<job_id>/cancel": "cancel",
    "POST /jobs/batch": "submit",
    "GET /batches/<batch_id>": "read",
    "POST /jobs/cancel": "cancel",
    "POST /jobs/<job_id>/retry": "submit",
    "POST /jobs/retry": "submit",
    "DELETE /jobs/<id:job_id>": "cancel",
    "POST /jobs/<job_id>/settle": "admin",
    "GET /media/<job_id>/<path:name>": "media",
    "POST /files": "submit",
    "GET /files/<file_id>": "media",
    "DELETE /files/<file_id>": "submit",
    "POST /sync-replicate-jobs": "admin",
    "GET /syncs/<sync_id>": "admin",
    "GET /admin/keys": "admin",
    "POST /admin/keys": "admin",
    "POST /admin/keys/<key_id>/rotate": "admin",
    "POST /admin/keys/<key_id>/revoke": "admin",
    "GET /admin/owners": "admin",
    "POST /admin/owners": "admin",
    "POST /admin/models/check": "admin",
    "GET /usage": "read",
    "GET /overview": "read",
    "POST /generate-media": "submit",
    "GET /status/<job_id>": "read",
    "GET /api/jobs/<job_id>": "read",
    "POST /": "submit",
    "GET /": "read",
    "GET /admin/budgets": "admin",
    "PUT /admin/budgets": "admin",
    "GET /models": "read",
    "GET /models/<path:model_id>": "read",
    "GET /webhooks/default/secret": "submit",
    "POST /webhooks/default/secret/rotate": "submit",
    "POST /admin/owners/<name>/rotate-webhook-secret": "admin",
    "POST /v1/predictions": "submit",
    "POST /v1/models/<owner>/<name>/predictions": "submit",
    "POST /v1/deployments/<owner>/<name>/predictions": "submit",
    "GET /v1/predictions": "read",
    "GET /v1/predictions/<id>": "read",
    "POST /v1/predictions/<id>/cancel": "cancel",
    "GET /v1/predictions/<id>/stream": "read",
    "GET /v1/files/<id>/stream": "read",
    "GET /v1/webhooks/default/secret": "submit",
    "GET /admin/notifications": "admin",
    "POST /admin/notifications/publish": "admin",
    "POST /admin/notifications/replay": "admin",
    "POST /admin/notifications/<notification_id>/replay": "admin",
    "GET /admin/dead-letters": "admin",
    "GET /admin/dead-letters/<id:letter_id>": "admin",
    "POST /admin/dead-letters/requeue": "admin",
    "POST /admin/dead-letters/<letter_id>/requeue": "admin",
    "POST /admin/pause": "admin",
    "DELETE /admin/pause": "admin",
    "POST /admin/sweep": "admin",
    "GET /admin/state": "admin",
    "POST /v1/files": "submit",
    "GET /v1/files": FILE_READERS,
    "GET /v1/files/<id>": FILE_READERS,
    "GET /v1/files/<id>/download": FILE_READERS,
    "DELETE /v1/files/<id>": "submit",
    "GET /v1/models/<part:owner>/<part:name>": WHILE_RUNNING,
    "GET /v1/models/<part:owner>/<part:name>/versions": WHILE_RUNNING,
    "GET /v1/models/<part:owner>/<part:name>/versions/<part:version>": WHILE_RUNNING,
    "GET /v1/<passed:path>": "passthrough",
    "POST /v1/<passed:path>": "passthrough",
    "PATCH /v1/<passed:path>": "passthrough",
    "DELETE /v1/<passed:path>": "passthrough",
    "QUERY /v1/<passed:path>": "passthrough",
}
PAGES = "/ui/"  # a key opens them by a session: tests/api/dashboard
RULES = {route.split()[1] for route in SCOPE}
ID = re.compile(r"<[^>]+>")
NAME = "original.png"
ELSEWHERE = "203.0.113.7"


@pytest.fixture(scope="session")
def theirs(database, services):
    """Ids of a job and a file of somebody's, both of whom are there."""
    with database.begin() as session:
        owner = ensure_owner(session, "somebody").id
        job = accept(session, JobRequest(model="emu/image", input={}), owner).job.id
    file = services.files.announce(owner, "a.png", "image/png", 1).id
    return {"job_id": job, "file_id": file}


def test_every_route_stands_in_one_of_the_two_lists(app):
    named = set()
    for rule in app.url_map.iter_rules():
        if str(rule) not in OPEN and not str(rule).startswith(PAGES):
            named |= {f"{method} {rule}" for method in rule.methods - {"HEAD", "OPTIONS"}}
    assert named == SCOPE.keys()


class Presented:
    """Makes what is presented: everything is granted to it, but for what it is told otherwise."""

    def __init__(self, issuer, new_key, database):
        self.issuer = issuer
        self._new_key = new_key
        self._database = database

    def key(self, **limits):
        return self._new_key("matrix", *SCOPES, **limits)

    def revoked(self):
        key = self.key()
        with self._database.begin() as session:
            revoke_key(session, key[:11])
        return key

    def token(self, **changed):
        return self.issuer.token(**{"scope": " ".join(SCOPES), **changed})

    def token_with(self, part, content):
        parts = self.token().split(".")
        parts[part] = encoded(content)
        return ".".join(parts)


HEADER, PAYLOAD, SIGNATURE = range(3)
EVERYTHING = b'{"sub": "gallery", "scope": "admin", "aud": "fixative", "exp": 9999999999}'
PAST = datetime(2020, 1, 1, tzinfo=UTC)

CASES = {
    "no key": (401, lambda _: None),
    "an empty key": (401, lambda _: ""),
    "a key of nobody": (401, lambda _: "fx_" + "a" * 43),
    "a key with its end changed": (401, lambda make: make.key()[:-4] + "____"),
    "a key cut short": (401, lambda make: make.key()[:-1]),
    "an expired key": (401, lambda make: make.key(expires_at=PAST)),
    "a revoked key": (401, Presented.revoked),
    "a key for another network": (
        403,
        lambda make: make.key(allow=["10.0.0.0/8", "2001:db8::/32"]),
    ),
    "garbage": (401, lambda _: "a.b.c"),
    "bytes that are no text": (401, lambda _: "\xe4.\xe4.\xe4"),
    "a token too long": (401, lambda make: make.token(more="x" * 9000)),
    "a header that is no JSON": (401, lambda make: make.token_with(HEADER, b"{")),
    "a header that is no object": (401, lambda make: make.token_with(HEADER, b"[]")),
    "a header nested too deep": (401, lambda make: make.token_with(HEADER, b"[" * 5000)),
    "claims that were changed": (401, lambda make: make.token_with(PAYLOAD, EVERYTHING)),
    "a signature that was changed": (401, lambda make: make.token_with(SIGNATURE, b"s" * 256)),
    "no signature": (401, lambda make: make.token().rpartition(".")[0] + "."),
    "alg none": (401, lambda make: make.token(alg="none")),
    "HS256 with the public key": (401, lambda make: make.issuer.with_the_public_key_as_secret()),
    "HS256 with a secret that is shown": (
        401,
        lambda make: make.token(alg="HS256", key=b"s" * 32, kid="shared"),
    ),
    "a key that is not for signing": (401, lambda make: make.token(kid="for-encryption")),
    "another algorithm than the key's": (401, lambda make: make.token(alg="PS256")),
    "signed by somebody else": (401, lambda make: make.token(key=make.issuer.another)),
    "an unknown kid": (401, lambda make: make.token(kid="unknown")),
    "no kid": (401, lambda make: make.token(kid=None)),
    "a key of its own": (401, lambda make: make.issuer.token_with_its_own_key()),
    "expired": (401, lambda make: make.token(exp=-60)),
    "without an end": (401, lambda make: make.token(exp=None)),
    "an end that is no number": (401, lambda make: make.token(exp=float("inf"))),
    "not yet valid": (401, lambda make: make.token(nbf=60)),
    "another audience": (401, lambda make: make.token(aud="another")),
    "no audience": (401, lambda make: make.token(aud=None)),
    "another issuer": (401, lambda make: make.token(iss="https://another.example")),
    "no issuer": (401, lambda make: make.token(iss=None)),
    "no owner": (401, lambda make: make.token(sub=None)),
    "an owner that is no name": (401, lambda make: make.token(sub="a b")),
    "the admin's name": (401, lambda make: make.token(sub="admin")),
    "no scope": (403, lambda make: make.token(scope=None)),
    "scopes of others": (403, lambda make: make.token(scope="openid profile")),
}


@pytest.fixture
def opened(guarded):
    """Open a route with what is presented: the answer, its own id taken out."""
    client = guarded.test_client()

    def open_(route, presented, thing_id):
        method, rule = route.split()
        path = ID.sub(lambda part: NAME if "name" in part[0] else str(thing_id), rule)
        path = f"/?predictionId={thing_id}" if rule == "/" else path  # without, it is open
        headers = {} if presented is None else {"Authorization": f"Bearer {presented}"}
        origin = {"REMOTE_ADDR": ELSEWHERE}
        answer = client.open(path, method=method, headers=headers, environ_base=origin)
        return answer.status_code, answer.text.replace(str(thing_id), "ID")

    return open_


def in_whose_words(route):
    return "replicate" if " /v1/" in route else "ours"


@pytest.mark.parametrize("case", CASES)
def test_what_must_not_open_opens_no_route_and_tells_nothing(
    case, opened, issuer, new_key, database, theirs
):
    status, make = CASES[case]
    presented = make(Presented(issuer, new_key, database))

    routes = [*SCOPE, *(f"OPTIONS {rule}" for rule in RULES)]
    told = {
        (in_whose_words(route), opened(route, presented, thing_id))
        for route in routes
        for thing_id in (theirs["job_id"], uuid.uuid4())
    }

    assert {answer[0] for _, answer in told} == {status}
    # Of what lacks a scope, the scope is told, and nothing else.
    needed = {(in_whose_words(route), "scope" in case and scope) for route, scope in SCOPE.items()}
    assert len(told) == len(needed)


@pytest.mark.parametrize("route", SCOPE)
def test_every_scope_but_the_routes_own_opens_nothing_there(route, opened, issuer, new_key, theirs):
    others = [scope for scope in SCOPES if scope not in SCOPE[route]]
    lacking = [new_key("matrix", *others), issuer.token(scope=" ".join(others))]

    told = {
        opened(route, presented, thing_id)
        for presented in lacking
        for thing_id in (*theirs.values(), uuid.uuid4())
    }

    assert len(told) == 1
    assert told.pop()[0] == 403


@pytest.mark.parametrize("route", [route for route in SCOPE if "id>" in route])
def test_what_is_anothers_and_what_is_not_there_answer_alike(
    route, opened, issuer, new_key, theirs
):
    scopes = [scope for scope in SCOPES if scope != "admin"]
    mine = [new_key("matrix", *scopes), issuer.token(scope=scopes)]

    told = {
        opened(route, presented, thing_id)
        for presented in mine
        for thing_id in (*theirs.values(), uuid.uuid4())
    }

    assert len(told) == 1
    assert told.pop()[0] == (403 if SCOPE[route] == "admin" else 404)


def test_a_list_shows_nothing_of_anothers(opened, issuer, new_key, theirs):
    for presented in (new_key("matrix", "read"), issuer.token()):
        assert opened("GET /jobs", presented, "-") == (200, '{"items":[],"next":null}')
