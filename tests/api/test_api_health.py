"""What machines ask, and what explains the API."""

import threading
import time
from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import delete, func, update

from api import readiness
from api.answer_schemas_health import Readiness
from fixative.errors import DatabaseAway
from fixative.postgres import presence
from fixative.postgres.operation_tables import WorkerProcess
from fixative.replicate.pace import pace_of
from fixative.replicate.throttling import LearnedPace
from fixative.shared import Shared, connect


class Away:
    def begin(self):
        raise DatabaseAway("away")


def test_alive_needs_nothing_but_the_process(new_app):
    client = new_app(database=Away(), redis=Redis(port=1)).test_client()

    assert (client.get("/healthz").status_code, client.get("/healthz").json) == (
        200,
        {"status": "ok"},
    )


def test_ready_when_every_server_answers(stranger):
    answer = stranger.get("/readyz")

    found = Readiness.model_validate_json(answer.data)
    assert (answer.status_code, found.status, found.bucket.status) == (200, "ok", "ok")


@pytest.fixture
def workers(database):
    """Rows of workers; gone after the test."""

    def appear(*names):
        with database.begin() as session:
            for name in names:
                presence.appear(session, name, 1)

    yield appear
    with database.begin() as session:
        session.execute(delete(WorkerProcess))


def test_ready_tells_of_workers_that_are_not_there_or_deaf_and_is_ready_all_the_same(
    stranger, workers, database
):
    def told():
        answer = stranger.get("/readyz")
        assert answer.status_code == 200
        return answer.json["workers"]

    assert told() == {"status": "none", "deaf": []}
    workers("worker-io@a", "worker-store@a")
    assert told() == {"status": "ok", "deaf": []}
    ago = {"started_at": func.now() - timedelta(seconds=100), "canary_sent_at": func.now()}
    with database.begin() as session:
        session.execute(update(WorkerProcess).filter_by(name="worker-store@a").values(ago))
    assert told() == {"status": "deaf", "deaf": ["worker-store@a"]}


def test_nobody_knows_of_workers_while_postgres_is_away(new_app):
    answer = new_app(database=Away()).test_client().get("/readyz")

    assert answer.json["workers"] == {"status": "unknown", "deaf": []}


def test_metrics_tell_which_workers_live_and_how_late_their_canaries_are(app, workers, database):
    workers("worker-io@a", "worker-io@b")
    with database.begin() as session:
        presence.canary_sent(session, ["worker-io@b"])
        ago = {"started_at": func.now() - timedelta(seconds=40)}
        session.execute(update(WorkerProcess).values(ago))

    text = app.test_client().get("/metrics").text

    assert 'fixative_workers{role="worker-io"} 2.0' in text
    assert 'fixative_worker_canary_late_seconds{worker="worker-io@a"} 0.0' in text
    assert 'fixative_worker_canary_late_seconds{worker="worker-io@b"} 40.' in text


@pytest.mark.parametrize("away", ["postgres", "redis"])
def test_not_ready_names_the_server_that_is_away(new_app, away):
    replaced = {"database": Away()} if away == "postgres" else {"redis": Redis(port=1)}

    answer = new_app(**replaced).test_client().get("/readyz")

    found = Readiness.model_validate_json(answer.data)
    assert (answer.status_code, found.status) == (503, "away")
    statuses = {name: getattr(found, name).status for name in ("postgres", "redis", "bucket")}
    assert statuses == {"postgres": "ok", "redis": "ok", "bucket": "ok", away: "away"}


def test_a_server_that_hangs_does_not_hold_up_the_answer(new_app, monkeypatch):
    monkeypatch.setattr(readiness, "PATIENCE", 0.2)
    over = threading.Event()

    class Hanging:
        def check(self):
            over.wait(30)

    client = new_app(bucket=Hanging()).test_client()
    began = time.monotonic()
    answers = [client.get("/readyz") for _ in range(3)]
    took = time.monotonic() - began
    over.set()

    assert [answer.json["bucket"]["status"] for answer in answers] == ["away"] * 3
    assert took < 5


def test_metrics_tell_the_backlog(app, submit):
    submit()

    text = app.test_client().get("/metrics").text

    assert 'fixative_jobs{status="queued"} 1.0' in text
    assert "fixative_oldest_due_seconds" in text
    assert "fixative_oldest_unrecorded_seconds" in text
    assert "fixative_unrecorded_jobs 0.0" in text
    assert "fixative_jobs_accepted_total" in text


def test_requests_are_counted_by_their_rule_and_never_by_what_they_name(app):
    client = app.test_client()
    for path in ("/jobs/0199c3e2-5d0e-7c6b-8a53-3f1d5a2b7c90", "/jobs/no-id", "/nowhere/at-all"):
        client.get(path)
    client.open("/jobs", method="GRAB")

    text = client.get("/metrics").text

    assert 'route="/jobs/<id:job_id>",status="4xx"' in text
    assert 'method="other",route="other",status="4xx"' in text
    for named in ("0199c3e2", "no-id", "nowhere", "GRAB", "_created "):
        assert named not in text


def test_metrics_tell_of_queues_pace_and_breaker_and_what_is_away_is_left_out(app, new_app):
    text = app.test_client().get("/metrics").text
    assert 'fixative_breaker_open{kind="creates",reason="token"} 0.0' in text
    assert 'fixative_pace_per_minute{kind="reads"} 3000.0' in text

    text = new_app(redis=Redis(port=1)).test_client().get("/metrics").text
    assert "fixative_breaker_open{" not in text
    assert "fixative_jobs_in_review 0.0" in text


def test_metrics_are_there_while_postgres_is_away(new_app):
    answer = new_app(database=Away()).test_client().get("/metrics")

    assert answer.status_code == 200
    assert "fixative_jobs_accepted_total" in answer.text
    assert "fixative_oldest_due_seconds" not in answer.text


def test_the_page_asks_no_other_host(stranger):
    page = stranger.get("/docs")

    assert page.content_type.startswith("text/html")
    assert "http://" not in page.text
    assert "https://" not in page.text


def test_metrics_show_the_pace_that_is_kept_and_none_while_nothing_goes_out(
    app, settings, eventually
):
    def shows(per_minute):
        # Absent for two seconds after Redis failed in an earlier test.
        expected = f'fixative_pace_per_minute{{kind="creates"}} {per_minute:.1f}'
        return eventually(lambda: expected in app.test_client().get("/metrics").text)

    with connect(settings.redis_url.get_secret_value()) as redis:
        pace = pace_of(Shared(redis), settings, "creates")
        assert shows(settings.fixative_creates_per_minute)
        pace.throttled(1, LearnedPace(6, 1))
        assert shows(6)
        pace.hold("token")
        assert shows(0)
