"""A job brought back from its manifest is the job that it was."""

import json

import pytest
from sqlalchemy import delete, select

from fixative.errors import Corrupt
from fixative.jobs.store import get_job
from fixative.media.manifest import NAME, manifest_of
from fixative.postgres.tables import Attempt, Job, Owner, Transition
from fixative.recovery.poll import ask_about
from fixative.recovery.restore import restore


@pytest.fixture
def ended(services, database, submit, attempts_of, eventually, read_job):
    """A job that was stored, derived and recorded; and its manifest from the bucket."""

    def make(**request):
        job_id = submit(**request)
        services.submitter.submit(job_id)

        def storing():
            ask_about(database, services.replicate, attempts_of(job_id)[0].prediction_id)
            return read_job(job_id).status == "storing"

        eventually(storing)
        services.storer.store(job_id)
        services.deriver.derive(job_id)
        services.recorder.record(job_id)
        return job_id, json.loads(services.bucket.read(services.keys.key(read_job(job_id), NAME)))

    return make


@pytest.fixture
def forgotten(database):
    """A database that knows nobody and nothing."""

    def forget():
        with database.begin() as session:
            session.execute(delete(Job))
            session.execute(delete(Owner))

    return forget


@pytest.fixture
def restored(database):
    def run(manifest):
        with database.begin() as session:
            return restore(session, manifest, source="bucket")

    return run


def without(manifest, *names):
    return {**manifest, "job": {k: v for k, v in manifest["job"].items() if k not in names}}


def test_a_job_comes_back_as_it_was_and_says_from_where(database, ended, forgotten, restored):
    job_id, manifest = ended(metadata={"of": "the caller"}, label="blue")
    forgotten()

    assert restored(manifest)

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
    _, manifest = ended()
    forgotten()

    assert (restored(manifest), restored(manifest)) == (True, False)

    with database.begin() as session:
        assert len(session.scalars(select(Attempt.id)).all()) == 1


@pytest.mark.parametrize(
    "broken",
    [None, [], {}, {"format": 99}, {"format": 1}, {"format": 1, "job": {"id": "x"}}],
)
def test_what_is_no_manifest_is_named_and_nothing_is_written(database, restored, broken):
    with pytest.raises(Corrupt):
        restored(broken)

    with database.begin() as session:
        assert session.scalars(select(Job.id)).all() == []
