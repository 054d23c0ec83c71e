"""Any order and any repetition of what happens to a job comes to the same end."""

import itertools
import uuid
from datetime import timedelta

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

from fixative.jobs.admit import admit
from fixative.jobs.adopt import prove_absent
from fixative.jobs.cancel import request_cancel
from fixative.jobs.ingest import STATUS_OF_JOB
from fixative.jobs.states import NEXT, is_terminal
from fixative.jobs.store import get_job, move
from fixative.postgres.operation_tables import Pause
from fixative.postgres.tables import Attempt, Job, Transition
from fixative.replicate.pace import Grant
from fixative.replicate.prediction import ENDED
from tests.jobs.rows import CAUSES, FEW, Rows


class OnePrediction(Rows, RuleBasedStateMachine):
    """The transition table with ingest: one prediction, told of in any order."""

    @initialize(end=st.sampled_from(ENDED))
    def begin_one(self, end):
        self.end = end
        self.job_id = self.accepted()
        self.attempt_id = self.begin(self.job_id)
        self.ended_as = None

    @rule(
        told=st.sampled_from(("starting", "processing", "the end")),
        cause=st.sampled_from(CAUSES),
        given=st.booleans(),
    )
    def news(self, told, cause, given):
        status = self.end if told == "the end" else told
        result = self.told(self.job_id, self.attempt_id, status, cause, given=given)
        assert result in {"moved", "known"}

    @rule()
    def stored(self):
        with self.database.begin() as session:
            move(session, self.job_id, "succeeded", cause="task")

    @rule()
    def cancel(self):
        with self.database.begin() as session:
            request_cancel(session, get_job(session, self.job_id))

    @invariant()
    def an_end_stays_and_every_move_is_in_the_table(self):
        status = self.job(self.job_id).status
        assert self.ended_as in {None, status}
        self.ended_as = status if is_terminal(status) else None
        with self.database.begin() as session:
            rows = select(Transition).where(Transition.job_id == self.job_id)
            moves = list(session.scalars(rows.order_by(Transition.id)))
        for before, after in itertools.pairwise(moves):
            assert after.from_status == before.to_status
            assert after.to_status in NEXT[after.from_status]

    def teardown(self):
        if hasattr(self, "job_id"):
            self.told(self.job_id, self.attempt_id, self.end, "poll")
            self.stored()
            due_end = STATUS_OF_JOB[self.end]
            expected = "succeeded" if due_end == "storing" else due_end
            assert self.job(self.job_id).status == expected


class ManySources(Rows, RuleBasedStateMachine):
    """Claim: attempts answered, lost, proven absent and heard of, by any source at any time."""

    @initialize()
    def one_job(self):
        self.job_id = self.accepted()
        self.made = {}  # attempt -> whether Replicate made a prediction of it

    @rule(made=st.booleans())
    def begin_another(self, made):
        attempt_id = self.begin(self.job_id)
        if attempt_id is not None:
            self.made[attempt_id] = made

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def lose(self, data):
        attempt_id = data.draw(st.sampled_from(list(self.made)))
        with self.database.begin() as session:
            session.execute(
                update(Attempt)
                .where(Attempt.id == attempt_id, Attempt.outcome == "open")
                .values(outcome="unknown", ended_at=func.now())
            )

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def seem_absent(self, data):
        """Replicate's list may lag behind longer than anybody thought."""
        attempt_id = data.draw(st.sampled_from(list(self.made)))
        with self.database.begin() as session:
            attempt = session.get_one(Attempt, attempt_id, with_for_update=True)
            if attempt.outcome == "unknown":
                job = get_job(session, self.job_id)
                prove_absent(session, job, attempt, cause="adopt", detail="proven absent")

    @precondition(lambda self: any(self.made.values()))
    @rule(data=st.data(), cause=st.sampled_from(CAUSES), given=st.booleans())
    def hear(self, data, cause, given):
        attempt_id = data.draw(st.sampled_from([a for a, made in self.made.items() if made]))
        self.told(self.job_id, attempt_id, "processing", cause, given=given)

    @rule()
    def hear_of_a_stranger(self):
        result = self.told(uuid.uuid4(), uuid.uuid4(), "processing", "sync", named=False)
        unsettled = any(a.outcome in {"open", "unknown"} for a in self.attempts(self.job_id))
        assert unsettled or result == "stranger"

    @invariant()
    def at_most_one_is_paid_for_and_it_is_the_jobs(self):
        created = [a.id for a in self.attempts(self.job_id) if a.outcome == "created"]
        assert len(created) <= 1
        if created:
            assert self.job(self.job_id).attempt_id == created[0]

    def teardown(self):
        if not getattr(self, "made", None):
            return
        for attempt_id, made in self.made.items():
            if made:
                self.told(self.job_id, attempt_id, "processing", "poll")
        outcomes = {a.id: a.outcome for a in self.attempts(self.job_id)}
        heard = [outcomes[a] for a, made in self.made.items() if made]
        assert set(heard) <= {"created", "duplicate"}
        # What was heard of while another's POST was under way was a duplicate for good.
        newest = max(self.attempts(self.job_id), key=lambda attempt: attempt.number)
        assert heard.count("created") == 1 or not self.made[newest.id]


class Tokens:
    """A pace that grants what it is told to."""

    def __init__(self, n):
        self.n = n

    def take(self, n=1, *, in_turn=False):  # noqa: ARG002
        return Grant(min(n, self.n), "pace", 1)


class Admission(Rows, RuleBasedStateMachine):
    """Jobs of two owners come, wait, are held, canceled and admitted."""

    def __init__(self, database, owner_id, other_id):
        super().__init__(database, owner_id)
        self.owners = (owner_id, other_id)
        self.expected = {}  # job -> queued, submitting or canceled
        self.paused = set()
        with database.begin() as session:
            session.execute(update(Job).values(status="canceled"))

    @rule(owner=st.sampled_from((0, 1)))
    def submit(self, owner):
        job_id = self.accepted(self.owners[owner])
        with self.database.begin() as session:
            ago = Job.hinted_at - timedelta(minutes=1)
            session.execute(update(Job).where(Job.id == job_id).values(hinted_at=ago))
        self.expected[job_id] = "queued"

    @rule(tokens=st.integers(0, 4))
    def admit_some(self, tokens):
        queue = self._queue()
        hints, _ = admit(self.database, Tokens(tokens))
        admitted = [uuid.UUID(hint.arguments["job_id"]) for hint in hints]
        assert admitted == queue[:tokens]
        self.expected |= dict.fromkeys(admitted, "submitting")

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def cancel(self, data):
        job_id = data.draw(st.sampled_from(list(self.expected)))
        with self.database.begin() as session:
            request_cancel(session, get_job(session, job_id))
        self.expected[job_id] = "canceled"  # nothing was sent of any of them

    @rule(owner=st.sampled_from((0, 1)))
    def pause(self, owner):
        owner_id = self.owners[owner]
        if owner_id not in self.paused:
            with self.database.begin() as session:
                session.add(Pause(scope=f"owner:{owner_id}", owner_id=owner_id))
        self.paused.add(owner_id)

    @rule()
    def resume(self):
        with self.database.begin() as session:
            for pause in session.scalars(select(Pause)):
                session.delete(pause)
        self.paused.clear()

    @invariant()
    def every_job_is_where_it_should_be(self):
        with self.database.begin() as session:
            rows = session.execute(select(Job.id, Job.status).where(Job.id.in_(self.expected)))
            assert dict(rows.all()) == self.expected

    def _queue(self):
        waiting = select(Job.id).where(Job.status == "queued", Job.owner_id.not_in(self.paused))
        with self.database.begin() as session:
            return list(session.scalars(waiting.order_by(Job.fair_at)))

    def teardown(self):
        self.resume()
        self.admit_some(100)
        assert self._queue() == []
        self.every_job_is_where_it_should_be()


@pytest.mark.parametrize("machine", [OnePrediction, ManySources])
def test_what_is_told_of_predictions_comes_to_the_same_end(database, owner_id, machine):
    run_state_machine_as_test(lambda: machine(database, owner_id), settings=FEW)


def test_admission_keeps_its_order_and_its_tokens(database, owner_id):
    from fixative.access.owners import ensure_owner

    with database.begin() as session:
        other_id = ensure_owner(session, "another").id
    run_state_machine_as_test(lambda: Admission(database, owner_id, other_id), settings=FEW)
