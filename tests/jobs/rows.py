"""What tests of orders of events do with rows."""

import uuid
from datetime import UTC, datetime

from hypothesis import HealthCheck, settings
from sqlalchemy import func, select, update
from uuid_utils.compat import uuid7

from fixative.jobs.accept import JobRequest, accept
from fixative.jobs.ingest import ingest
from fixative.jobs.store import get_job, move
from fixative.jobs.turn import due
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.prediction import read_prediction

FEW = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
CAUSES = ("webhook", "poll", "sync", "adopt", "task")


class Rows:
    """Jobs, attempts and predictions of one model of its own."""

    def __init__(self, database, owner_id):
        super().__init__()
        self.database = database
        self.owner_id = owner_id
        self.model = f"owner/{uuid.uuid4()}"  # what one run left behind is none of another's

    def accepted(self, owner_id=None):
        with self.database.begin() as session:
            request = JobRequest(model=self.model, input={"n": str(uuid.uuid4())})
            return accept(session, request, owner_id or self.owner_id).job.id

    def job(self, job_id):
        with self.database.begin() as session:
            return get_job(session, job_id)

    def attempts(self, job_id):
        with self.database.begin() as session:
            rows = select(Attempt).where(Attempt.job_id == job_id).order_by(Attempt.number)
            return list(session.scalars(rows))

    def begin(self, job_id):
        """A new attempt, if one may be made: what the submitter does before its POST."""
        with self.database.begin() as session:
            session.get(Job, job_id, with_for_update=True)
            if session.scalar(select(Job.id).where(Job.id == job_id, *due())) is None:
                return None
            move(session, job_id, "submitting", cause="task", came_from={"queued"})
            number = session.scalars(select(func.count()).where(Attempt.job_id == job_id)).one()
            attempt = Attempt(id=uuid7(), job_id=job_id, number=number + 1)
            session.add(attempt)
            session.flush()
            session.execute(update(Job).where(Job.id == job_id).values(attempt_id=attempt.id))
            return attempt.id

    def told(self, job_id, attempt_id, status, cause, *, named=True, given=False, created_at=None):
        """Ingest what Replicate says of the prediction that this attempt made."""
        raw = {
            "id": attempt_id.hex,
            "status": status,
            "created_at": (created_at or datetime.now(UTC)).isoformat(),
            "model": self.model,
            "output": "text" if status == "succeeded" else None,
        }
        if named:
            raw["webhook"] = f"https://us.example/?job={job_id}&attempt={attempt_id}"
        with self.database.begin() as session:
            attempt = session.get_one(Attempt, attempt_id) if given else None
            return ingest(session, read_prediction(raw), cause=cause, attempt=attempt).result
