"""Recover: a restored database made safe to submit again, so that it pays for nothing twice.

What was submitted between the backup and the restore is not in the database, but it is in
Replicate's history. So every unfinished job becomes unclear, and adoption settles it: by a
prediction that names it, by one that is what it asks for, or by the proof that there is none.
"""

from dataclasses import dataclass

import structlog
from sqlalchemy import func, insert, select, update
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

PAGE = 500

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
        make_unclear(database)
        unclear = _count_unknown(database)
        adopt_unknown(database, replicate)
        left = _count_unknown(database)
        number = epoch.put_ahead()
    log.info("recovered", unclear=unclear, left=left, epoch=number)
    return Recovered(unclear, unclear - left, number)


def make_unclear(database: Database) -> None:
    """Have every unfinished job without a prediction wait to be settled: it may have got one.

    Attempts that were unsettled may have been settled since, and others made after them: their
    window reaches to the present. A page of jobs is a transaction; killed, it is run again. Raises
    DatabaseAway.
    """
    with database.begin() as session:
        session.execute(
            update(Attempt)
            .where(among(Attempt.outcome, *UNSETTLED))
            .values(outcome="unknown", ended_at=func.now(), listed_at=None)
        )
    for status in ("submitting", "queued"):  # in this order: what is queued moves to the other
        made = PAGE
        while made == PAGE:
            with database.begin() as session:
                made = _stand_in(session, status)


def _stand_in(session: Session, status: str) -> int:
    """Give each of a page of jobs an attempt for those that a restore may have lost; how many."""
    attempts = select(func.count()).where(Attempt.job_id == Job.id).scalar_subquery()
    unsubmitted = (
        select(Job.id, Job.created_at, attempts)
        .where(among(Job.status, status), ~paid_or_unsettled())
        .limit(PAGE)
        .with_for_update()
    )
    rows = [
        {
            "id": uuid7(),
            "job_id": job_id,
            "number": number + 1,
            "outcome": "unknown",
            "error": "what became of this job after the backup is to be found out",
            "stands_in": True,
            "created_at": created_at,
        }
        for job_id, created_at, number in session.execute(unsubmitted)
    ]
    if rows:
        session.execute(insert(Attempt).values(ended_at=func.now()), rows)
        its = (Attempt.job_id == Job.id, Attempt.id.in_([row["id"] for row in rows]))
        session.execute(update(Job).where(*its).values(attempt_id=Attempt.id))
    if status == "queued":
        for row in rows:
            move(session, row["job_id"], "submitting", cause="operator", detail="restored: unclear")
    return len(rows)


def _count_unknown(database: Database) -> int:
    unknown = select(func.count()).where(among(Attempt.outcome, "unknown"))
    with database.begin() as session:
        return session.scalars(unknown).one()
