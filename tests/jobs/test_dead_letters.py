"""Dead letters: kept once, listed, and tried again once, with their row made due."""

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, update

from fixative.errors import NotFound
from fixative.jobs.dead_letters import LetterQuery, bury, get_letter, letters_of_each, list_letters
from fixative.jobs.requeue import requeue
from fixative.jobs.store import get_job
from fixative.jobs.timeline import timeline
from fixative.names import DERIVE_MEDIA, INGEST_PREDICTION, STORE_OUTPUTS
from fixative.postgres.tables import Job
from fixative.recovery.sweep import sweep


@pytest.fixture
def buried(database, submit):
    """A job in storing whose store was given up; its id."""

    def make(task=STORE_OUTPUTS, status="storing", **values):
        job_id = submit()
        with database.begin() as session:
            held = {"crashes": 10, "waiting_reason": "needs_review", "status": status, **values}
            session.execute(update(Job).where(Job.id == job_id).values(**held))
            bury(session, task, {"job_id": str(job_id)}, ValueError("it broke"), attempts=3)
        return job_id

    return make


def everything(session, **query):
    return list_letters(session, LetterQuery(**query), before=None, limit=100)


def test_a_letter_says_what_was_tried_how_often_and_how_it_ended(database, buried):
    before = REGISTRY.get_sample_value("fixative_dead_letters_total", {"task": STORE_OUTPUTS}) or 0
    job_id = buried()

    with database.begin() as session:
        [letter] = everything(session, task=STORE_OUTPUTS, job_id=job_id)
        assert everything(session, task="another") == []
    assert (letter.job_id, letter.error_class, letter.message) == (job_id, "ValueError", "it broke")
    assert (letter.attempts, letter.arguments) == (3, {"job_id": str(job_id)})
    assert "ValueError: it broke" in letter.traceback
    after = REGISTRY.get_sample_value("fixative_dead_letters_total", {"task": STORE_OUTPUTS})
    assert after == before + 1


def test_the_same_end_again_is_the_same_letter(database, buried):
    job_id = buried()
    with database.begin() as session:
        bury(session, STORE_OUTPUTS, {"job_id": str(job_id)}, ValueError("it broke again"))

    with database.begin() as session:
        [letter] = everything(session)
    assert (letter.attempts, letter.message) == (4, "it broke again")


def test_the_job_shows_it_until_it_is_requeued(database, buried):
    job_id = buried()

    def shown():
        with database.begin() as session:
            job = get_job(session, job_id)
            kinds = [i["to"] for i in timeline(session, job) if i["kind"] == "dead_letter"]
            return len(letters_of_each(session, [job.id])[job.id]), kinds

    assert shown() == (1, ["open"])
    with database.begin() as session:
        requeue(session)
    assert shown() == (0, ["requeued"])


def test_requeued_once_however_often_it_is_asked_for_and_the_sweep_finds_its_row(
    database, buried, read_job
):
    job_id = buried()

    with database.begin() as session:
        [hint] = requeue(session)
    with database.begin() as session:
        assert requeue(session) == []

    assert (hint.task, hint.arguments) == (STORE_OUTPUTS, {"job_id": str(job_id)})
    job = read_job(job_id)
    assert (job.crashes, job.waiting_reason) == (0, None)
    assert [h.task for h in sweep(database, {})] == [STORE_OUTPUTS]


def test_letters_are_requeued_singly_by_task_or_all(database, buried):
    first, _, derived = buried(), buried(), buried(DERIVE_MEDIA, status="succeeded")
    with database.begin() as session:
        [one] = everything(session, job_id=first)
        assert [h.arguments for h in requeue(session, ids=[one.id])] == [{"job_id": str(first)}]
        [by_task] = requeue(session, task=DERIVE_MEDIA)
        assert by_task.arguments == {"job_id": str(derived)}
        assert len(requeue(session)) == 1
        assert everything(session) == []
        assert len(everything(session, requeued=True)) == 3


def test_an_ended_job_stays_ended_whatever_is_requeued(database, buried, read_job):
    job_id = buried(status="failed", next_attempt_at=func.now() - timedelta(hours=1))
    before = read_job(job_id)

    with database.begin() as session:
        requeue(session)

    assert (read_job(job_id).status, read_job(job_id).crashes) == ("failed", before.crashes)


def test_a_letter_without_a_job_is_hinted_as_it_was(database):
    with database.begin() as session:
        bury(session, INGEST_PREDICTION, {"prediction_id": "p1"}, ValueError("no\0body"))
    with database.begin() as session:
        [hint] = requeue(session)

    assert (hint.task, hint.arguments) == (INGEST_PREDICTION, {"prediction_id": "p1"})


def test_a_letter_that_is_not_there_is_not_found(database, owner_id):
    with pytest.raises(NotFound), database.begin() as session:
        get_letter(session, owner_id)


@pytest.mark.parametrize("text", ["\0", "\ud800", "a\udfff\0b"])
def test_whatever_an_error_or_an_argument_quotes_is_buried(database, text):
    with database.begin() as session:
        bury(session, STORE_OUTPUTS, {"job_id": text, text: [text]}, ValueError(text))

    with database.begin() as session:
        [letter] = everything(session)
    assert letter.error_class == "ValueError"
