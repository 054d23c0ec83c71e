"""The jobs of a batch are made ready one by one, and admitted like all others."""

import uuid

import pytest
from sqlalchemy import select

from fixative.jobs.admit import admit
from fixative.postgres.tables import Job
from tests.catalog.conftest import FLUX

BODY = {"model": FLUX, "input": {"prompt": "a cat", "seed": 7}}


@pytest.fixture
def send(api):
    return lambda *jobs: api.post("/jobs/batch", json={"jobs": jobs})


def test_what_the_models_do_not_take_is_named_by_the_number_of_each_job(send, database):
    answer = send(
        BODY,
        {"model": FLUX, "input": {"prompt": 1, "num_outputs": 99}},
        {"model": "nobody/nothing", "input": {}},
        {"model": FLUX, "input": {}},
    )

    assert answer.status_code == 422
    places = sorted(error["loc"] for error in answer.json["errors"])
    assert places == [
        ["jobs", 1, "input", "num_outputs"],
        ["jobs", 1, "input", "prompt"],
        ["jobs", 2, "model"],
        ["jobs", 3, "input", "prompt"],
    ]
    with database.begin() as session:
        assert session.scalars(select(Job.id)).all() == []


def test_a_batch_is_admitted_at_once_and_in_its_order(send, services, database):
    told = send(*(BODY | {"label": str(n)} for n in range(5))).json

    hints, _ = admit(database, services.creates)

    assert [hint.arguments["job_id"] for hint in hints] == [job["id"] for job in told["jobs"]]


def test_a_job_that_the_cache_answers_is_no_part_of_the_batch(api, send, run):
    done = run(uuid.UUID(api.post("/jobs", json=BODY).json["id"]))
    other = {**BODY, "input": {"prompt": "a cat", "seed": 8}, "cache": True}

    told = send({**BODY, "cache": True}, other, BODY).json

    first, second, third = told["jobs"]
    assert (first["id"], first["status"]) == (str(done), "succeeded")
    assert (second["status"], third["status"]) == ("queued", "queued")
    assert api.get(f"/batches/{told['batch_id']}").json["total"] == 2
