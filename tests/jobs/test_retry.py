"""Retry: what has ended is taken up again, and is paid for again only by those who say so."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select, update

from fixative.errors import Conflict, Gone
from fixative.jobs.adopt import prove_absent
from fixative.jobs.cancel import request_cancel
from fixative.jobs.delete import delete_job
from fixative.jobs.retry import retry
from fixative.jobs.states import is_terminal
from fixative.jobs.store import error_of, get_job, move
from fixative.names import CREATE_PREDICTION, STORE_OUTPUTS
from fixative.postgres.tables import Attempt, Job, Transition
from tests.jobs.rows import CAUSES, FEW, Rows

NOW = datetime.now(UTC)


@pytest.fixture
def rows(database, owner_id):
    return Rows(database, owner_id)


@pytest.fixture
def ended(rows, database):
    """A job whose prediction ended so; or, with no status, one that was canceled before any."""

    def make(status=None, *, stored=None, code="output_unreachable"):
        job_id = rows.accepted()
        if status is None:
            with database.begin() as session:
                request_cancel(session, get_job(session, job_id))
            return job_id
        rows.told(job_id, rows.begin(job_id), status, "poll")
        with database.begin() as session:
            if stored is True:
                move(session, job_id, "succeeded", cause="task")
            elif stored is False:
                move(session, job_id, "failed", cause="task", error=error_of(code, "it is gone"))
        return job_id

    return make


@pytest.fixture
def retried(database):
    def again(job_id, **how):
        with database.begin() as session:
            return [hint.task for hint in retry(session, job_id, cause="api", **how)]

    return again


@pytest.mark.parametrize("end", ["failed", "canceled", "aborted", None])
def test_another_attempt_needs_a_word_and_then_the_job_is_as_if_just_accepted(
    rows, ended, retried, end
):
    job_id = ended(end)
    with pytest.raises(Conflict, match="pay_again"):
        retried(job_id)

    assert retried(job_id, pay_again=True) == [CREATE_PREDICTION]

    job = rows.job(job_id)
    assert (job.status, job.tries, job.attempt_id) == ("queued", 0, None)
    nothing = (job.error, job.completed_at, job.cancel_requested_at, job.submitted_at)
    assert nothing == (None,) * 4
    assert (job.record_due_at, job.waiting_reason) == (None, None)
    assert rows.begin(job_id) is not None


@pytest.mark.parametrize("pay_again", [False, True])
def test_what_a_prediction_gave_is_stored_again_and_never_paid_for_again(
    rows, ended, retried, pay_again
):
    job_id = ended("succeeded", stored=False)

    assert retried(job_id, pay_again=pay_again) == [STORE_OUTPUTS]

    job = rows.job(job_id)
    assert (job.status, job.error) == ("storing", None)
    assert job.attempt_id == rows.attempts(job_id)[0].id


def test_what_replicate_has_deleted_may_be_paid_for_again(rows, ended, retried):
    job_id = ended("succeeded", stored=False, code="output_expired")
    assert retried(job_id) == [STORE_OUTPUTS]
    with rows.database.begin() as session:
        error = error_of("output_expired", "gone")
        move(session, job_id, "failed", cause="task", error=error)

    assert retried(job_id, pay_again=True) == [CREATE_PREDICTION]


def test_a_success_is_whole_or_is_stored_again(rows, ended, retried):
    job_id = ended("succeeded", stored=True)
    with pytest.raises(Conflict, match="all its media"):
        retried(job_id, pay_again=True)

    assert retried(job_id, incomplete=True) == [STORE_OUTPUTS]


@pytest.mark.parametrize("pay_again", [False, True])
def test_what_has_not_ended_is_not_retried(rows, retried, pay_again):
    job_id = rows.accepted()
    with pytest.raises(Conflict, match="queued"):
        retried(job_id, pay_again=pay_again)
    rows.told(job_id, rows.begin(job_id), "processing", "poll")
    with pytest.raises(Conflict, match="processing"):
        retried(job_id, pay_again=pay_again)


@pytest.mark.parametrize(
    "under_way",
    [{"outcome": "open"}, {"outcome": "unknown"}, {"prediction_status": "processing"}],
    ids=["open", "unknown", "running"],
)
def test_nothing_is_retried_while_an_attempt_may_still_cost(rows, ended, retried, under_way):
    job_id = ended("failed")
    with rows.database.begin() as session:
        session.execute(update(Attempt).where(Attempt.job_id == job_id).values(under_way))

    with pytest.raises(Conflict, match="not settled yet"):
        retried(job_id, pay_again=True)


def test_a_deleted_job_is_not_retried(rows, ended, retried):
    job_id = ended("failed")
    with rows.database.begin() as session:
        delete_job(session, get_job(session, job_id))

    with pytest.raises(Gone):
        retried(job_id, pay_again=True)


def test_what_was_not_submitted_here_is_not_run_again(rows, ended, retried):
    job_id = ended("failed")
    with rows.database.begin() as session:
        session.execute(update(Job).values(source="sync"))

    with pytest.raises(Conflict, match="not submitted here"):
        retried(job_id, pay_again=True)


def test_a_retry_is_a_move_with_its_cause_and_two_at_once_are_one(rows, ended, retried):
    job_id = ended("failed")
    retried(job_id, pay_again=True)
    with pytest.raises(Conflict, match="queued"):
        retried(job_id, pay_again=True)

    with rows.database.begin() as session:
        moves = select(Transition).where(Transition.job_id == job_id).order_by(Transition.id)
        last = list(session.scalars(moves))[-1]
    assert (last.from_status, last.to_status, last.cause) == ("failed", "queued", "api")


def test_a_retried_job_stands_behind_its_owners_queue_and_has_its_time_again(
    rows, database, owner_id, submit, retried
):
    job_id = submit(cancel_after=60)
    with database.begin() as session:
        session.execute(update(Job).values(deadline=func.now()))
        request_cancel(session, get_job(session, job_id))
    waiting = submit()

    retried(job_id, pay_again=True)

    job = rows.job(job_id)
    assert job.fair_at > rows.job(waiting).fair_at
    assert job.deadline - job.next_attempt_at == timedelta(seconds=60)


def test_news_of_an_attempt_of_before_touch_that_attempt_only(rows, ended, retried):
    job_id = ended("failed")
    [before] = rows.attempts(job_id)
    retried(job_id, pay_again=True)

    for status in ("failed", "succeeded"):
        assert rows.told(job_id, before.id, status, "webhook") == "older_attempt"
    assert rows.job(job_id).status == "queued"

    newer = rows.begin(job_id)
    assert rows.told(job_id, before.id, "failed", "webhook") == "older_attempt"
    assert rows.told(job_id, newer, "processing", "webhook") == "moved"
    assert rows.job(job_id).attempt_id == newer


def test_what_turns_up_of_before_the_retry_takes_nobodys_place(rows, database, retried):
    job_id = rows.accepted()
    lost = rows.begin(job_id)
    with database.begin() as session:
        session.execute(update(Attempt).where(Attempt.id == lost).values(outcome="unknown"))
        attempt = session.get_one(Attempt, lost)
        prove_absent(session, get_job(session, job_id), attempt, cause="adopt", detail="absent")
    with database.begin() as session:
        request_cancel(session, get_job(session, job_id))
    retried(job_id, pay_again=True)

    assert rows.told(job_id, lost, "processing", "sync") == "duplicate"

    assert rows.job(job_id).status == "queued"
    assert rows.begin(job_id) is not None


def id_made(after):
    """An attempt's id, made so long after now by our own clock."""
    milliseconds = int((datetime.now(UTC) + after).timestamp() * 1000)
    random = uuid.uuid4().bytes[6:]
    made = bytearray(milliseconds.to_bytes(6, "big") + random)
    made[6] = 0x70 | made[6] & 0x0F
    return uuid.UUID(bytes=bytes(made))


LATER, EARLIER = timedelta(minutes=1), timedelta(minutes=-1)
RUNS, STAYS = ("moved", "processing"), ("duplicate", None)


@pytest.mark.parametrize(
    ("end", "stored", "began", "expected"),
    [
        ("failed", None, LATER, RUNS),
        ("canceled", None, LATER, RUNS),
        ("succeeded", False, LATER, RUNS),
        ("succeeded", True, LATER, RUNS),
        (None, None, LATER, RUNS),
        ("failed", None, EARLIER, STAYS),
        ("succeeded", True, EARLIER, STAYS),
        (None, None, EARLIER, STAYS),
    ],
)
def test_an_attempt_that_a_restore_lost_takes_an_ended_job_along_if_it_came_after_its_end(
    rows, ended, end, stored, began, expected
):
    job_id = ended(end, stored=stored)
    before, lost = rows.job(job_id).status, id_made(began)

    result = rows.told(job_id, lost, "processing", "sync", created_at=datetime.now(UTC) + began)

    assert (result, rows.job(job_id).status) == (expected[0], expected[1] or before)
    outcomes = {attempt.id: attempt.outcome for attempt in rows.attempts(job_id)}
    assert outcomes[lost] == ("created" if expected is RUNS else "duplicate")
    if expected is RUNS:
        assert rows.job(job_id).attempt_id == lost
        assert rows.job(job_id).completed_at is None


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["oldest first", "newest first"])
def test_of_two_lost_retries_the_last_one_has_the_job_whichever_is_heard_of_first(
    rows, ended, order
):
    job_id = ended("failed")
    after = (LATER, 2 * LATER)
    lost = [id_made(when) for when in after]
    said = ("failed", "processing")

    for n in order:
        rows.told(job_id, lost[n], said[n], "sync", created_at=datetime.now(UTC) + after[n])

    assert (rows.job(job_id).status, rows.job(job_id).attempt_id) == ("processing", lost[1])


def test_a_deleted_job_stays_so_whatever_retry_of_it_was_lost(rows, ended):
    job_id = ended("failed")
    with rows.database.begin() as session:
        delete_job(session, get_job(session, job_id))

    later = datetime.now(UTC) + LATER
    result = rows.told(job_id, id_made(LATER), "processing", "sync", created_at=later)

    assert result == "duplicate"  # it is cancelled
    assert rows.job(job_id).status == "failed"


def test_an_id_that_tells_no_time_retries_nothing(rows, ended):
    job_id = ended(None)

    later = datetime.now(UTC) + LATER
    assert rows.told(job_id, uuid.uuid4(), "processing", "sync", created_at=later) == "duplicate"


class Retries(Rows, RuleBasedStateMachine):
    """A job that ends, is canceled and retried at any time; every source may be late."""

    @initialize()
    def one_job(self):
        self.job_id = self.accepted()
        self.made = [self.begin(self.job_id)]  # attempts, in their order
        self.retried_before = 0  # how many of them were there at the last retry

    @precondition(lambda self: self.job(self.job_id).status == "queued")
    @rule()
    def begin_another(self):
        self.begun()

    def begun(self):
        attempt_id = self.begin(self.job_id)
        if attempt_id is not None:
            self.made.append(attempt_id)

    @rule(
        data=st.data(),
        status=st.sampled_from(("processing", "succeeded", "failed", "canceled")),
        cause=st.sampled_from(CAUSES),
    )
    def hear(self, data, status, cause):
        self.told(self.job_id, data.draw(st.sampled_from(self.made)), status, cause)

    @rule(data=st.data())
    def seem_absent(self, data):
        attempt_id = data.draw(st.sampled_from(self.made))
        with self.database.begin() as session:
            attempt = session.get_one(Attempt, attempt_id, with_for_update=True)
            if attempt.outcome == "open":
                job = get_job(session, self.job_id)
                prove_absent(session, job, attempt, cause="adopt", detail="proven absent")

    @rule(end=st.sampled_from(("succeeded", "failed")))
    def store(self, end):
        with self.database.begin() as session:
            move(session, self.job_id, end, cause="task", came_from={"storing"})

    @rule()
    def cancel(self):
        with self.database.begin() as session:
            request_cancel(session, get_job(session, self.job_id))

    @rule(status=st.sampled_from(("failed", "canceled")))
    def end_and_begin_anew(self, status):
        self.told(self.job_id, self.made[-1], status, "poll")
        self.retried(pay_again=True)
        self.begun()

    @precondition(lambda self: is_terminal(self.job(self.job_id).status))
    @rule(pay_again=st.booleans())
    def retry(self, pay_again):
        self.retried(pay_again=pay_again)

    def retried(self, *, pay_again):
        try:
            with self.database.begin() as session:
                [hint] = retry(session, self.job_id, cause="api", pay_again=pay_again)
        except Conflict:
            return
        if hint.task == CREATE_PREDICTION:
            assert pay_again
            self.retried_before = len(self.made)
            attempts = self.attempts(self.job_id)
            assert not {a.outcome for a in attempts} & {"open", "unknown"}
            assert not {a.prediction_status for a in attempts} & {"starting", "processing"}

    @invariant()
    def one_attempt_since_the_last_retry_is_paid_for_and_it_is_the_jobs(self):
        attempts = {attempt.id: attempt.outcome for attempt in self.attempts(self.job_id)}
        counting = self.made[self.retried_before :]
        created = [id_ for id_ in counting if attempts[id_] == "created"]
        assert len(created) <= 1
        assert not created or self.job(self.job_id).attempt_id == created[0]
        assert self.job(self.job_id).attempt_id not in self.made[: self.retried_before]


def test_retries_at_any_time_pay_for_one_prediction_each(database, owner_id):
    run_state_machine_as_test(lambda: Retries(database, owner_id), settings=FEW)
