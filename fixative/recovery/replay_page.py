"""A page of our own records, settled by few statements as far as nothing about them is doubtful."""

import uuid
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from fixative.jobs.states import is_terminal
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.replay_own import SOURCE, Own
from fixative.recovery.restore import restore
from fixative.replicate.prediction import richer

Page = Mapping[uuid.UUID, Own]


def replay_page(session: Session, page: Page) -> dict[uuid.UUID, str]:
    """Make the jobs that are not there, and find those to which nothing is added; in a word each.

    What is not answered is for `replay_own`, as is the whole page when this raises what
    `restore` does.
    """
    there = {job.id: job for job in session.scalars(select(Job).where(Job.id.in_(page)))}
    attempts = {
        attempt.id: attempt
        for attempt in session.scalars(select(Attempt).where(Attempt.job_id.in_(there)))
    }
    words = dict[uuid.UUID, str]()
    for job_id, job in there.items():
        if job.deleted_at is not None:
            words[job_id] = "deleted"
        elif _adds_nothing(page[job_id], job, attempts):
            words[job_id] = "already there"
    if new := [own.manifest for job_id, own in page.items() if job_id not in there]:
        words |= dict.fromkeys(restore(session, new, source=SOURCE), "replayed")
    return words


def _adds_nothing(own: Own, job: Job, attempts: Mapping[uuid.UUID, Attempt]) -> bool:
    """Whether all that the record tells is known of a job that has ended here."""
    return (
        is_terminal(job.status)
        and str(job.owner_id) == own.manifest["job"]["owner_id"]
        and all(
            (attempt := attempts.get(id_)) is not None
            and attempt.job_id == own.job_id
            and attempt.prediction_id == told.id
            and richer(attempt.prediction, told.raw) == attempt.prediction
            for id_, told in own.predictions.items()
        )
    )
