"""A job brought back from its manifest is the job that it was."""

import json

import pytest
from sqlalchemy import insert, select, update
from uuid_utils.compat import uuid7

from fixative.errors import Conflict, Corrupt
from fixative.jobs.store import get_job
from fixative.media.manifest import manifest_of
from fixative.postgres.tables import Attempt, Job, Owner, Transition
from fixative.recovery.rebuild_job import bring_back_job
from fixative.recovery.restore import restore


@pytest.fixture
def restored(database):
    def run(*manifests):
        with database.begin() as session:
            return restore(session, manifests, source="bucket")

    return run


def without(manifest, *names):
    return {**manifest, "job": {k: v for k, v in manifest["job"].items() if k not in names}}


def test_a_job_comes_back_as_it_was_and_says_from_where(database, ended, forgotten, restored):
    job_id, manifest = ended(metadata={"of": "the caller"}, label="blue")
    forgotten()

    assert restored(manifest) == {job_id}

    with database.begin() as session:
        again = json.loads(json.dumps(manifest_of(session, get_job(session, job_id)), default=str))
        job = get_job(session, job_id)
        moves = list(session.scalars(select(Transition.to_status).order_by(Transition.id)))
    assert job.provenance["input"] == job.provenance["media"] == "bucket"
    assert [row["to_status"] for row in manifest["transitions"]] == moves
    for part in ("attempts", "media", "files"):
        assert len(again[part]) == len(manifest[part])
    assert {r["sha256"] for r in again["media"]} == {r["sha256"] for r in manifest["media"]}
    assert again["attempts"][0]["prediction"] == manifest["attempts"][0]["prediction"]
    told = without(again, "provenance")["job"]
    assert told == {**without(manifest, "provenance")["job"], **times(told)}


def times(job):
    """Written in two ways, and the same."""
    return {name: value for name, value in job.items() if name.endswith("_at")}


def test_twice_is_once(database, ended, forgotten, restored):
    job_id, manifest = ended()
    forgotten()

    assert (restored(manifest), restored(manifest)) == ({job_id}, set())

    with database.begin() as session:
        assert len(session.scalars(select(Attempt.id)).all()) == 1


def test_a_key_that_was_used_again_meanwhile_stays_with_the_later_job(
    database, ended, forgotten, restored, submit, read_job, owner_id
):
    job_id, manifest = ended()
    forgotten()
    manifest["job"]["idempotency_key"] = "once"
    with database.begin() as session:
        session.add(Owner(id=owner_id, name="tests"))
    later = submit()
    with database.begin() as session:
        session.execute(update(Job).values(idempotency_key="once"))

    restored(manifest)

    assert (read_job(job_id).idempotency_key, read_job(later).idempotency_key) == (None, "once")


def test_a_prediction_that_another_job_has_is_a_conflict(
    database, ended, forgotten, restored, submit, owner_id
):
    _, manifest = ended()
    forgotten()
    with database.begin() as session:
        session.add(Owner(id=owner_id, name="tests"))
    stranger = submit()
    [attempt] = manifest["attempts"]
    with database.begin() as session:
        taken = {"job_id": stranger, "number": 1, "prediction_id": attempt["prediction_id"]}
        session.execute(insert(Attempt).values(id=uuid7(), **taken))

    with pytest.raises(Conflict, match="prediction_id"):
        restored(manifest)


def test_what_had_not_ended_takes_its_old_place_in_the_queue_and_is_not_recorded_anew(
    database, submit, forgotten, restored, read_job
):
    job_id = submit()
    with database.begin() as session:
        manifest = json.loads(
            json.dumps(manifest_of(session, get_job(session, job_id)), default=str)
        )
    forgotten()

    restored(manifest)

    job = read_job(job_id)
    assert (job.status, job.fair_at, job.record_due_at) == ("queued", job.created_at, None)
    assert job.acceptance_recorded_at is not None


def test_jobs_come_back_beside_those_that_an_earlier_version_wrote(
    ended, forgotten, restored, attempts_of, read_job
):
    (old, earlier), (new, manifest) = ended(), ended()
    forgotten()
    for row in earlier["attempts"]:
        del row["stands_in"]
    del earlier["job"]["label"]

    assert restored(earlier, manifest) == {old, new}

    assert [attempt.stands_in for attempt in attempts_of(old)] == [False]
    assert read_job(old).label is None


@pytest.mark.parametrize(
    "told",
    ["\0", "half a \ud83d", 10**30, json.loads("[" * 300 + "]" * 300)],
    ids=["a NUL", "half a character", "a huge number", "deep lists"],
)
def test_what_a_model_put_into_its_output_comes_back_as_it_was(
    ended, forgotten, restored, attempts_of, told
):
    job_id, manifest = ended()
    forgotten()
    manifest["attempts"][0]["prediction"]["output"] = told

    restored(manifest)

    assert attempts_of(job_id)[0].prediction["output"] == told


@pytest.mark.parametrize(
    "broken",
    [
        *(None, [], {}, {"format": 99}, {"format": 1}, {"format": 1, "job": {"id": "x"}}),
        {"format": 1, "job": {}, "attempts": [], "media": [], "files": [], "transitions": []},
    ],
)
def test_what_is_no_manifest_is_named_and_nothing_is_written(database, broken):
    with pytest.raises(Corrupt), database.begin() as session:
        bring_back_job(session, uuid7(), broken, "bucket")

    with database.begin() as session:
        assert session.scalars(select(Job.id)).all() == []
