"""POST /sync-replicate-jobs and GET /syncs/ID: the seed's answers, while a worker does the work."""

import threading
import uuid
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import datetime

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, select, update

from api import answer_schemas_recovery as answers
from api.routes.recovery import MOST_WAITING
from fixative.names import SYNC_HISTORY
from fixative.postgres.sync_tables import SyncResult, SyncRun
from fixative.postgres.tables import Attempt
from fixative.recovery.history import History
from fixative.replicate.client import Replicate

FIELDS = {
    *("job_id", "created_at", "updated_at", "status", "job_type", "user_prompt", "character_id"),
    *("character_name", "character_trigger_word", "lora_model_url", "prediction_id"),
    *("prediction_status", "prediction_created_at", "prediction_started_at"),
    *("prediction_completed_at", "input_params", "model_info", "execution_logs", "metrics", "urls"),
    *("output_data", "error_message", "error_details", "data_removed", "source", "deployment"),
}


@pytest.fixture(autouse=True)
def _no_runs(database):
    yield
    with database.begin() as session:
        session.execute(delete(SyncRun))


@pytest.fixture
def replicate(local_replicate, emulator):
    made = Replicate(local_replicate, SecretStr("r8_test"))
    yield made
    made.close()


@pytest.fixture
def worker(database, publisher, replicate):
    """Does what the API hints, as a worker would, until the test ends."""
    over = threading.Event()
    history = History(database, replicate, over, "all", lambda _: None)

    def work():
        while not over.wait(0.02):
            while publisher.hints:
                hint = publisher.hints.pop()
                assert hint.task == SYNC_HISTORY
                history.go_on(uuid.UUID(hint.arguments["run_id"]))

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


@pytest.fixture
def add_history(emulator):
    def add(count, span_seconds=3000, **more):
        body = {"count": count, "span_seconds": span_seconds, **more}
        emulator.post("/_emulator/history", json=body).raise_for_status()

    return add


IN_BOTH = {"message", "sync_id", "status", "error"}
OF_BOOTSTRAP = {*IN_BOTH, "mode", "predictions_processed", "jobs_created", "bootstrap_results"}
OF_REGULAR = {*IN_BOTH, "jobs_processed", "predictions_checked", "jobs_updated", "sync_results"}


def test_a_bootstrap_is_answered_as_documented(admin, worker, add_history):
    add_history(3, model="black-forest-labs/flux-schnell", input={"prompt": "a fog"})

    answer = admin.post("/sync-replicate-jobs", json={"bootstrap": True})

    assert answer.status_code == 200
    answers.Bootstrapped.model_validate_json(answer.data)
    body = answer.json
    assert set(body) == OF_BOOTSTRAP
    assert body["message"] == "Bootstrap sync completed successfully"
    assert body["mode"] == "bootstrap"
    assert (body["predictions_processed"], body["jobs_created"]) == (3, 3)
    assert len(body["bootstrap_results"]) == 3
    first = body["bootstrap_results"][0]
    assert set(first) == {*FIELDS, "result", "reason"}
    assert (first["result"], first["job_type"], first["user_prompt"]) == (
        "created",
        "image",
        "a fog",
    )
    assert first["model_info"]["owner"] == "black-forest-labs"
    assert admin.get(f"/jobs/{first['job_id']}").json["source"] == "sync"


def test_a_regular_sync_is_answered_as_documented(admin, worker, add_history, database):
    add_history(2, status="failed")
    admin.post("/sync-replicate-jobs", json={"bootstrap": True})
    with database.begin() as session:
        lost = session.scalars(select(Attempt).limit(1)).one()
        lost.prediction = None

    answer = admin.post("/sync-replicate-jobs", json={"since": "2020-01-01T00:00:00Z"})

    assert answer.status_code == 200
    answers.Synced.model_validate_json(answer.data)
    body = answer.json
    assert set(body) == OF_REGULAR
    assert body["message"] == "Sync completed successfully"
    assert (body["jobs_processed"], body["predictions_checked"]) == (2, 2)
    assert body["jobs_updated"] == 1
    [result] = body["sync_results"]
    assert (result["result"], result["prediction_id"]) == ("updated", lost.prediction_id)
    assert result["error_message"]
    assert result["error_details"]["category"] == "model_error"


def test_a_sync_that_takes_longer_is_answered_with_its_id(admin, publisher, add_history):
    answer = admin.post("/sync-replicate-jobs", json={}, headers={"Prefer": "wait=1"})

    assert answer.status_code == 202
    answers.SyncUnderWay.model_validate_json(answer.data)
    sync_id = answer.json["sync_id"]
    assert answer.headers["Location"].endswith(f"/syncs/{sync_id}")
    [hint] = publisher.hints
    assert (hint.task, hint.arguments) == (SYNC_HISTORY, {"run_id": sync_id})
    shown = admin.get(f"/syncs/{sync_id}")
    answers.Sync.model_validate_json(shown.data)
    assert (shown.json["status"], shown.json["max_predictions"]) == ("running", 2000)
    again = admin.post("/sync-replicate-jobs", json={}, headers={"Prefer": "wait=1"})
    assert again.json["sync_id"] == sync_id


def test_a_run_that_has_ended_shows_what_it_did(admin, worker, add_history):
    add_history(5, status="failed")
    body = admin.post("/sync-replicate-jobs", json={"max_predictions": 3}).json

    shown = admin.get(f"/syncs/{body['sync_id']}").json

    assert body["message"] == "Sync stopped early: 3 predictions were read"
    assert body["status"] == shown["status"] == "partial"
    assert (shown["predictions_checked"], shown["jobs_created"], shown["pages"]) == (3, 3, 1)
    assert shown["cursor"]
    assert datetime.fromisoformat(shown["finished_at"])
    assert len(shown["results"]) == 3
    assert admin.get(f"/syncs/{body['sync_id']}?limit=0").json["results"] == []


@pytest.mark.parametrize(
    ("bootstrap", "fields", "words"),
    [(True, OF_BOOTSTRAP, "Bootstrap sync"), (False, OF_REGULAR, "Sync")],
    ids=["bootstrap", "regular"],
)
def test_what_replicate_refuses_is_answered_in_the_same_fields(
    admin, worker, emulator, bootstrap, fields, words
):
    emulator.post("/_emulator/config", json={"tokens": ["another"]}).raise_for_status()

    answer = admin.post("/sync-replicate-jobs", json={"bootstrap": bootstrap})

    assert answer.status_code == 200
    answers.SyncEnded.model_validate_json(answer.data)
    assert set(answer.json) == fields
    assert answer.json["status"] == "failed"
    assert "401" in answer.json["error"]
    assert answer.json["message"] == f"{words} failed: {answer.json['error']}"


def test_a_prediction_that_cannot_be_kept_is_among_the_results_with_its_reason(
    admin, worker, add_history, database
):
    add_history(2, status="failed")
    first = admin.post("/sync-replicate-jobs", json={"bootstrap": True}).json
    with database.begin() as session:
        run_id = uuid.UUID(first["sync_id"])
        session.add(SyncResult(run_id=run_id, result="skipped", reason="malformed: no id", raw={}))

    results = admin.get(f"/syncs/{first['sync_id']}").json["results"]

    skipped = {"prediction_id": None, "job_id": None, "result": "skipped"}
    assert results[2] == {**skipped, "reason": "malformed: no id"}
    assert set(results[0]) == {*FIELDS, "result", "reason"}


def test_where_many_wait_already_who_comes_then_is_answered_at_once(app, admin, database):
    def ask(_):
        own = app.test_client()
        own.environ_base = admin.environ_base
        return own.post("/sync-replicate-jobs", json={}, headers={"Prefer": "wait=60"})

    with ThreadPoolExecutor(MOST_WAITING + 1) as many:
        asked = [many.submit(ask, number) for number in range(MOST_WAITING + 1)]
        first, others = wait(asked, timeout=50, return_when=FIRST_COMPLETED)
        with database.begin() as session:
            session.execute(update(SyncRun).values(status="complete"))

    assert [each.result().status_code for each in first] == [202]
    assert [each.result().status_code for each in others] == [200] * MOST_WAITING


def test_null_sets_no_limit(admin, publisher):
    body = {"max_predictions": None}
    answer = admin.post("/sync-replicate-jobs", json=body, headers={"Prefer": "wait=1"})
    assert admin.get(f"/syncs/{answer.json['sync_id']}").json["max_predictions"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"max_predictions": 0}, "max_predictions"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "until"),
        ({"bootstrap": "perhaps"}, "bootstrap"),
        ({"boot": True}, "boot"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(admin, refused, body, field):
    problem = refused(admin.post("/sync-replicate-jobs", json=body), 422)
    assert problem.errors[0].loc == [field]


def test_it_takes_the_scope_admin(api, admin, refused):
    refused(api.post("/sync-replicate-jobs", json={}), 403)
    refused(api.get(f"/syncs/{uuid.uuid4()}"), 403)
    refused(admin.get(f"/syncs/{uuid.uuid4()}"), 404)
    refused(admin.get("/syncs/none"), 404)
