"""Recover: a restored database made safe to submit again, so that it pays for nothing twice.

What was submitted between the backup and the restore is not in the database, but it is in
Replicate's history. So every unfinished job becomes unclear, and adoption settles it: by a
prediction that names it, by one that is what it asks for, or by the proof that there is none.
"""

from dataclasses import dataclass

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.jobs.adopt import adopt_unknown
from fixative.jobs.claim import paid_or_unsettled
from fixative.jobs.store import move
from fixative.postgres.base import among
from fixative.postgres.engine import Database
from fixative.postgres.tables import UNSETTLED, Attempt, Job
from fixative.recovery.epoch import EpochGuard
from fixative.recovery.standstill import standing_still
from fixative.replicate.client import Replicate

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Recovered:
    """What became of the unfinished jobs: how many were unclear, and were found at Replicate."""

    unclear: int
    found: int
    epoch: int


def recover(database: Database, replicate: Replicate, epoch: EpochGuard) -> Recovered:
    """Read Replicate's history over the gap, then put the database ahead of its bucket.

    What was not found is proven absent by the workers, within minutes of their start. Safe to run
    twice, and on a database that was not restored. Raises Conflict while workers are alive or a
    rebuild runs, and NotSent, NoAnswer, Refused, BucketError or DatabaseAway: then it is to be run
    again, and nothing is submitted before.
    """
    with standing_still(database):
        epoch.hold()
        with database.begin() as session:
            unclear = make_unclear(session)
        adopt_unknown(database, replicate)
        with database.begin() as session:
            left = session.scalars(
                select(func.count()).select_from(Attempt).where(Attempt.outcome == "unknown")
            ).one()
        number = epoch.put_ahead()
    log.info("recovered", unclear=unclear, left=left, epoch=number)
    return Recovered(unclear, unclear - left, number)


def make_unclear(session: Session) -> int:
    """Every unfinished job without a prediction may have got one; how many are unclear now.

    Attempts that were unsettled may have been settled since, and others made after them: their
    window reaches to the present.
    """
    session.execute(
        update(Attempt)
        .where(among(Attempt.outcome, *UNSETTLED))
        .values(outcome="unknown", ended_at=func.now(), listed_at=None)
    )
    unsubmitted = select(Job).where(Job.status.in_(("queued", "submitting")), ~paid_or_unsettled())
    for job in session.scalars(unsubmitted.with_for_update()):
        stand_in = Attempt(
            id=uuid7(),
            job_id=job.id,
            number=select(func.count()).where(Attempt.job_id == job.id).scalar_subquery() + 1,
            outcome="unknown",
            error="what became of this job after the backup is to be found out",
            stands_in=True,
            created_at=job.created_at,
            ended_at=func.now(),
        )
        session.add(stand_in)
        session.flush()
        if job.status == "queued":
            move(session, job.id, "submitting", cause="operator", detail="restored: unclear")
        session.execute(update(Job).where(Job.id == job.id).values(attempt_id=stand_in.id))
    return session.scalars(
        select(func.count()).select_from(Attempt).where(Attempt.outcome == "unknown")
    ).one()
