"""Replay first, then publish: of what comes back subscribers hear once they are told to be told."""

import json
import uuid

import pytest
from standardwebhooks import Webhook

from fixative.access.owners import ADMIN, change_owner
from fixative.jobs.job_query import JobQuery
from fixative.jobs.telling import told_of
from fixative.notify.notifications import find_untold
from fixative.notify.publish import publish
from fixative.notify.signing import Secrets
from fixative.postgres.tables import Owner
from tests.listening import listening

SCRAPED = [
    {
        "job_id": f"1754541721.12027{n}",
        "job": {
            "id": f"1754541721.12027{n}",
            "prompt": "Extract…",
            "created_at": "2025-08-07T10:15:21.120277+00:00",
        },
        "result": {"organizations": [{"name": "Community Food Pantry"}]},
        "error": None,
        "completed_at": "2025-08-07T10:15:25.543210+00:00",
        "processing_time": 4.423,
        "retry_count": 0,
    }
    for n in range(3)
]


@pytest.fixture
def listener():
    with listening() as listener:
        yield listener


@pytest.fixture
def environ(environ, listener):
    return {**environ, "FIXATIVE_ALLOWED_WEBHOOK_HOSTS": listener.origin}


@pytest.fixture
def tell(services, database):
    """Tell all that is due."""

    def run():
        for hint in find_untold(database, {}):
            services.notifier.tell(uuid.UUID(hint.arguments["notification_id"]))

    return run


@pytest.fixture
def heard(services, database, listener):
    """Whose end the listener has heard of, each time; signed for its owner."""

    def read():
        secrets, owners, jobs = Secrets.of(services.settings), {}, []
        for headers, body in listener.told:
            id_ = json.loads(body)["data"]["owner_id"]
            with database.begin() as session:
                owners[id_] = session.get_one(Owner, uuid.UUID(id_))
            event = Webhook(secrets.of_owner(owners[id_])).verify(body, headers)
            assert event["type"] == "job.succeeded"
            jobs.append(event["data"]["id"])
        return sorted(jobs)

    return read


@pytest.fixture
def published(database):
    def run(**query):
        done = publish(database, JobQuery(), before=None, limit=100, **query)
        return done.made, done.again

    return run


def test_what_was_replayed_into_an_empty_database_is_heard_once_each_when_it_is_published(
    ran, forgotten, replay, published, listener, tell, heard
):
    jobs = sorted(str(ran(webhook=listener.url)) for _ in range(3))
    tell()
    told = {headers["webhook-id"] for headers, _ in listener.told}
    listener.told.clear()
    forgotten()
    assert replay() == ["replayed"] * 3
    tell()
    assert heard() == []

    assert published() == (3, 0)
    assert published() == (0, 0)
    tell()

    assert heard() == jobs
    # Who took each event once before the loss has nothing to do.
    assert {headers["webhook-id"] for headers, _ in listener.told} == told


def test_records_of_another_system_are_told_at_the_administrators_webhook(
    database, output_dir, replay, published, listener, tell, heard
):
    folder = output_dir / "daily/2025-08-07/processed"
    folder.mkdir(parents=True)
    for record in SCRAPED:
        (folder / f"{record['job_id']}.json").write_text(json.dumps(record))
    assert replay() == ["replayed"] * 3
    with database.begin() as session:
        values = {"webhook": listener.url, "webhook_events": told_of(None)}
        change_owner(session, ADMIN, values)

    assert published(source="sync") == (0, 0)
    assert published(source="replay") == (3, 0)
    tell()

    assert len(set(heard())) == len(heard()) == 3
