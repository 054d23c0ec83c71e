"""What a task that ends for good leaves behind."""

from uuid import uuid4

import pytest
from celery import Celery
from sqlalchemy import select

from fixative.names import STORE_OUTPUTS
from fixative.postgres.operation_tables import DeadLetter
from worker.base_task import FixativeTask


@pytest.fixture
def breaking(services):
    """A task that always breaks, on this test's own system."""
    app = Celery("tests", task_cls=FixativeTask, set_as_current=False)
    app.services = lambda: services

    @app.task(name=STORE_OUTPUTS)
    def store_outputs(job_id):
        raise ValueError(f"it broke \ud800 {job_id}")

    return store_outputs


@pytest.fixture
def letter(database):
    def read():
        with database.begin() as session:
            return session.scalars(select(DeadLetter)).one()

    return read


@pytest.mark.parametrize("how", ["by name", "by place"])
def test_the_letter_names_the_job_however_the_task_was_called(breaking, letter, how):
    job_id = uuid4()

    breaking(job_id=str(job_id)) if how == "by name" else breaking(str(job_id))

    assert letter().arguments == {"job_id": str(job_id)}
    assert letter().job_id == job_id


def test_a_call_that_does_not_fit_is_kept_as_it_was(breaking, letter):
    breaking("one", "two", more=3)

    assert letter().arguments == {"args": ["one", "two"], "more": 3}
    assert (letter().error_class, letter().job_id) == ("TypeError", None)
