"""What a user waits for: pages and answers, asked of the API as it is put together."""

from collections.abc import Callable
from itertools import count
from typing import Any

import psycopg
from flask.testing import FlaskClient

from api.app import Api
from api.cursors import write_cursor

Probes = dict[str, Callable[[], Any]]
MODEL, RARE_MODEL = "black-forest-labs/flux-schnell", "rare/model"
FAR = 4_800  # jobs down: a hundred pages of the gallery
# Each is asked of everybody's jobs and of a small owner's; what a word's number says is how rare it
# is: each fills as much of its page however long the history. The first campaign is the oldest one.
FILTERS = {
    "model": {"model": MODEL},
    "rare model": {"model": RARE_MODEL},
    "no such model": {"model": "no/such"},
    "type": {"job_type": "video"},
    "no such type": {"job_type": "none"},
    "succeeded": {"status": "succeeded"},
    "failed": {"status": "failed"},
    "queued": {"status": "queued"},
    "label": {"label": "always"},
    "rare label": {"label": "rare"},
    "oldest label": {"label": "campaign-1"},
    "no such label": {"label": "none"},
    "model and status": {"model": MODEL, "status": "failed"},
    "rare model and status": {"model": RARE_MODEL, "status": "failed"},
    "label and model": {"label": "rare", "model": MODEL},
    "before a date": {"created_before": "{month_ago}"},
    "word in all": {"q": "fog"},
    "word in a 10th": {"q": "ten5"},
    "word in 1,600 jobs": {"q": "sometimes"},
    "word in 80 jobs": {"q": "seldom"},
    "word in one": {"q": "unique2777"},
    "no such word": {"q": "nowhere"},
    "two words": {"q": "fog sometimes"},
    "two words that never meet": {"q": "ten5 hundred16"},
}
TOLD = {
    "": {},
    ", pending": {"state": "pending"},
    ", delivered": {"state": "delivered"},
    ", given up": {"state": "given_up"},
    ", an owner's": {"owner": "owner-1"},
    ", an owner's given up": {"owner": "owner-1", "state": "given_up"},
    ", a rare owner's": {"owner": "owner-9"},
}
OF_ADMIN = {
    "word in a 100th": {"q": "hundred55"},
    "two words that often meet": {"q": "ten5 hundred15"},
    "owner": {"owner": "owner-1"},
    "rare owner": {"owner": "owner-9"},
    "no such owner": {"owner": "nobody"},
}


class Browser:
    """A client with a key in its header, and signed in."""

    def __init__(self, app: Api, key: str) -> None:
        self._client: FlaskClient = app.test_client()
        self._headers = {"Authorization": f"Bearer {key}"}
        self._client.post("/ui/login", data={"key": key})

    def get(self, path: str, **query: str) -> Any:
        """The answer, read to its end. Raises RuntimeError when it is no success."""
        return self._read(self._client.get(path, query_string=query, headers=self._headers))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The same for what is sent."""
        return self._read(self._client.post(path, json=body, headers=self._headers))

    def _read(self, answer: Any) -> Any:
        if answer.status_code >= 300:
            raise RuntimeError(f"{answer.request.path}: {answer.status}: {answer.text[:300]}")
        return answer.data


def page_probes(app: Api, database_url: str, admin_key: str, owner_key: str) -> Probes:
    """Every page, by name; `owner_key` is of owner-1."""
    admin, owner = Browser(app, admin_key), Browser(app, owner_key)
    with psycopg.connect(database_url) as connection:
        owners = {n: str(i) for n, i in connection.execute("SELECT name, id FROM owners")}
        whose = {"": (admin, "true"), "'s own": (owner, f"owner_id = '{owners['owner-1']}'")}
        job = _one(connection, "id", "status = 'succeeded'", FAR // 2)
        cursors = {
            name: write_cursor(_one(connection, "id", where, FAR if not name else 240))
            for name, (_, where) in whose.items()
        }
        month_ago = _one(connection, "to_char(now() - interval '30 days', 'YYYY-MM-DD')", "true", 0)
    probes: Probes = {}
    for name, (browser, _) in whose.items():
        probes |= _lists(browser, name, cursors[name], {"{month_ago}": month_ago})
    for name, query in OF_ADMIN.items():
        probes[f"gallery, {name}"] = _asking(admin, "/ui/gallery", query)
    for name, query in TOLD.items():
        probes[f"notifications{name}"] = _asking(
            admin, "/admin/notifications", {key: owners.get(v, v) for key, v in query.items()}
        )
    numbers = count()

    def submit() -> None:
        body = {"model": "emulator/echo", "input": {"prompt": f"a new {next(numbers)}"}}
        owner.post("/jobs", body)

    probes |= {
        "POST /jobs": submit,
        "GET /jobs/ID": lambda: admin.get(f"/jobs/{job}"),
        "GET /jobs/ID/timeline": lambda: admin.get(f"/jobs/{job}/timeline"),
        "GET /v1/predictions/ID": lambda: admin.get(f"/v1/predictions/{job}"),
        "page: job": lambda: admin.get(f"/ui/jobs/{job}"),
        "page: dead letters": lambda: admin.get("/ui/dead"),
        "page: dead letters tried again": lambda: admin.get("/ui/dead", requeued="true"),
        "page: recovery": lambda: admin.get("/ui/recovery"),
        "page: system": lambda: admin.get("/ui/system"),
        "page: keys": lambda: admin.get("/ui/keys"),
        "GET /admin/state": lambda: admin.get("/admin/state"),
        "GET /metrics": lambda: admin.get("/metrics"),
    }
    return probes


def _lists(browser: Browser, whose: str, cursor: str, instants: dict[str, str]) -> Probes:
    """The pages that an owner sees of its own, and the admin of everybody."""
    plain = {
        f"page: home{whose}": ("/ui/", {}),
        f"page: home, live{whose}": ("/ui/live", {}),
        f"page: home, minutes{whose}": ("/ui/minutes", {}),
        f"page: models{whose}": ("/ui/models", {}),
        f"gallery{whose}": ("/ui/gallery", {}),
        f"gallery, far down{whose}": ("/ui/gallery", {"cursor": cursor}),
        f"GET /jobs{whose}": ("/jobs", {}),
        f"GET /jobs, far down{whose}": ("/jobs", {"cursor": cursor}),
        f"GET /overview{whose}": ("/overview", {}),
        f"GET /v1/predictions{whose}": ("/v1/predictions", {}),
        f"GET /v1/files{whose}": ("/v1/files", {}),
    }
    filtered = {
        f"gallery, {name}{whose}": (
            "/ui/gallery",
            {k: instants.get(v, v) for k, v in query.items()},
        )
        for name, query in FILTERS.items()
    }
    return {
        name: _asking(browser, path, query) for name, (path, query) in (plain | filtered).items()
    }


def _asking(browser: Browser, path: str, query: dict[str, str]) -> Callable[[], Any]:
    return lambda: browser.get(path, **query)


def _one(connection: psycopg.Connection, what: str, where: str, offset: int) -> Any:
    found = connection.execute(
        f"SELECT {what} FROM jobs WHERE {where} ORDER BY id DESC OFFSET {offset} LIMIT 1"
    ).fetchone()
    assert found
    return found[0]
