"""What becomes of jobs and attempts is counted once it is committed, and only then."""

import uuid

import pytest
from prometheus_client import REGISTRY
from uuid_utils.compat import uuid7

from fixative.jobs.claim import claim
from fixative.jobs.store import error_of, move, reopen
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.prediction import read_prediction

FLUX = {"job_type": "image", "model": "black-forest-labs/flux-schnell"}


@pytest.fixture
def more():
    """By how much a metric has grown since it was first asked for."""
    before = {}

    def grown(name, **labels):
        key = (name, *sorted(labels.items()))
        now = REGISTRY.get_sample_value(f"fixative_{name}", labels) or 0
        return now - before.setdefault(key, now)

    return grown


def test_a_move_is_counted_by_its_ends_and_cause_and_the_time_that_it_ended(database, submit, more):
    job_id = submit(job_type="image")
    moves = {"from": "queued", "to": "failed", "cause": "operator"}
    asked = (
        lambda: more("job_moves_total", **moves),
        lambda: more("status_seconds_count", status="queued"),
        lambda: more("jobs_failed_total", **FLUX, error="timeout"),
    )
    assert [ask() for ask in asked] == [0, 0, 0]

    with database.begin() as session:
        error = error_of("timeout", "it took too long")
        assert move(session, job_id, "failed", cause="operator", error=error)
        assert [ask() for ask in asked] == [0, 0, 0]

    assert [ask() for ask in asked] == [1, 1, 1]


def test_what_is_rolled_back_was_never_counted(database, submit, more):
    job_id = submit()
    more("job_moves_total", **{"from": "queued", "to": "canceled", "cause": "api"})

    with database.begin() as session:
        move(session, job_id, "canceled", cause="api")
        session.rollback()

    assert more("job_moves_total", **{"from": "queued", "to": "canceled", "cause": "api"}) == 0


def test_a_way_back_is_a_move_too(database, submit, more):
    job_id, moves = submit(), {"from": "canceled", "to": "queued", "cause": "operator"}
    more("job_moves_total", **moves)
    with database.begin() as session:
        move(session, job_id, "canceled", cause="api")
        assert reopen(session, job_id, "queued", cause="operator", detail="retried")

    assert more("job_moves_total", **moves) == 1


def test_a_job_that_is_stored_is_counted_from_its_start_to_its_success(services, storing, more):
    names = ("jobs_started_total", "jobs_completed_total", "job_seconds_count")
    assert [more(name, **FLUX) for name in names] == [0, 0, 0]
    more("prediction_seconds_count", **FLUX)
    more("attempts_total", outcome="created")

    services.storer.store(storing(job_type="image"))

    assert [more(name, **FLUX) for name in names] == [1, 1, 1]
    assert more("prediction_seconds_count", **FLUX) == 1
    assert more("attempts_total", outcome="created") == 1


def test_an_unknown_attempt_whose_prediction_turns_up_is_adopted_and_a_second_one_a_duplicate(
    database, submit, more
):
    job_id, attempt_id = submit(), uuid7()
    names = ("adopted_total", "duplicates_total")
    assert [more(name) for name in names] == [0, 0]
    with database.begin() as session:
        session.add(Attempt(id=attempt_id, job_id=job_id, number=1, outcome="unknown"))
        session.get_one(Job, job_id).attempt_id = attempt_id
        session.flush()

    for prediction_id, grown in ("first", [1, 0]), ("second", [1, 1]):
        with database.begin() as session:
            prediction = read_prediction(_raw(prediction_id))
            assert claim(session, prediction, "adopt", session.get_one(Attempt, attempt_id))
        assert [more(name) for name in names] == grown


def _raw(prediction_id: str) -> dict[str, str]:
    started = "2026-01-01T12:00:00Z"
    return {"id": f"{prediction_id}{uuid.uuid4().hex}", "status": "starting", "created_at": started}
