"""Jobs: submit, look, list, cancel."""

from typing import Any

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from sqlalchemy.orm import Session

from api import answer_schemas as answers
from api.addresses import base_url, uuid_in_path
from api.auth import caller, needs, owner_seen
from api.cursors import page_of, read_cursor
from api.holding import Holding
from api.openapi import OF_A_JOB, nothing, problems, resource, with_headers
from api.schemas import JobHeaders, JobPath, Submission, SubmissionHeaders
from api.schemas_jobs import JobFilter
from api.statuses import Statuses
from api.submissions import Submissions
from fixative.jobs.cancel import request_cancel
from fixative.jobs.delete import delete_job
from fixative.jobs.listing import list_jobs
from fixative.jobs.store import find_job
from fixative.jobs.timeline import timeline
from fixative.media.view import job_summary
from fixative.postgres.engine import Database
from fixative.postgres.tables import Job
from fixative.settings import Settings
from worker.publisher import Publisher

SUBMITTED = ("Location", "Idempotent-Replay", "Fixative-Cache", "Preference-Applied")


def jobs_routes(
    settings: Settings,
    database: Database,
    publisher: Publisher,
    submissions: Submissions,
    *,
    statuses: Statuses,
    holding: Holding,
) -> APIBlueprint:
    """The routes under /jobs."""
    routes = resource("jobs", keys_only=True)

    @routes.post(
        "/jobs",
        description="200 with `Idempotent-Replay: true` and the first job when the Idempotency-Key"
        " was used for the same body before, 409 when for another. With `cache`, 200 with"
        " `Fixative-Cache: hit` and an earlier job when one has the answer already. With"
        " `Prefer: wait=N`, 200 as soon as the job has ended, 202 after N seconds. 422 names every"
        " place of the input that its model does not take; 402 the budget in which what the job may"
        " cost is not left.",
        responses={
            200: with_headers(answers.Job, *SUBMITTED),
            202: with_headers(answers.Job, *SUBMITTED),
            **problems(400, 402, 404, 409, 413, 415, 422),
        },
    )
    @needs("submit")
    def submit(header: SubmissionHeaders, body: Submission) -> Response:
        """Submit a job; 202 once it is safe in Postgres."""
        accepted, status = submissions.take(
            body.request(), idempotency_key=header.idempotency_key, cache=body.cache
        )
        status, applied = holding.until_ended(
            accepted.job.id, caller().owner_id, header.prefer, status
        )
        answer = jsonify({**status.job, "cached": True} if accepted.cached else status.job)
        answer.status_code = 202 if accepted.is_new and not status.ended else 200
        answer.headers.update(applied)
        answer.headers["Location"] = f"{base_url(settings)}/jobs/{accepted.job.id}"
        if accepted.replayed:
            answer.headers["Idempotent-Replay"] = "true"
        elif body.cache:
            answer.headers["Fixative-Cache"] = "hit" if accepted.cached else "miss"
        return answer

    @routes.get("/jobs", responses={200: answers.JobPage, **problems(422)})
    @needs("read")
    def list_page(query: JobFilter) -> dict[str, Any]:
        """List jobs, newest first, yours or, with the scope admin, everybody's."""
        wanted, before = query.query(owner_seen()), read_cursor(query.cursor)
        with database.begin() as session:
            jobs = list_jobs(session, wanted, before=before, limit=query.limit + 1)
        return page_of(jobs, query.limit, job_summary)

    @routes.get(
        "/jobs/<id:job_id>",
        description="With `Prefer: wait=N` the answer is held back until the job changes: from what"
        " If-None-Match names, else from what it is when asked, unless it has ended. While Postgres"
        " is away, what was last shown of it in five minutes, marked as stale.",
        responses={
            200: with_headers(answers.Job, *OF_A_JOB, "Preference-Applied"),
            304: nothing("It is as If-None-Match has it", "ETag", "Preference-Applied"),
            **problems(404, 410),
        },
    )
    @needs("read")
    def show(path: JobPath, header: JobHeaders) -> Response:
        """Look at a job; with the ETag of its last answer, 304 until it changes."""
        job_id = uuid_in_path(path.job_id)
        status, applied = holding.until_changed(job_id, owner_seen(), header.prefer)
        answer = status.answer()
        answer.headers.update(applied)
        answer.make_conditional(request)
        return answer

    @routes.get("/jobs/<job_id>/timeline", responses={200: answers.Timeline, **problems(404, 410)})
    @needs("read")
    def show_timeline(path: JobPath) -> dict[str, Any]:
        """See everything that happened to a job, in order."""
        with database.begin() as session:
            return {"items": timeline(session, _get(session, path))}

    @routes.post(
        "/jobs/<job_id>/cancel",
        description="At once while nothing was sent to Replicate, afterwards as soon as Replicate"
        " ends it. What succeeds all the same is stored.",
        responses={202: with_headers(answers.Job, *OF_A_JOB), **problems(404, 410)},
    )
    @needs("cancel")
    def cancel(path: JobPath) -> tuple[Response, int]:
        """Ask for a job's end; again, or too late, is no harm."""
        with database.begin() as session:
            hints = request_cancel(session, _get(session, path))
        publisher.publish(hints)
        return statuses.read(uuid_in_path(path.job_id), owner_seen()).answer(), 202

    @routes.delete(
        "/jobs/<id:job_id>",
        description="At once for whoever looks; its files leave the bucket within moments. A"
        " tombstone stays, so that no recovery brings the job back.",
        responses={204: nothing("It is deleted"), **problems(404, 409, 410)},
    )
    @needs("cancel")
    def delete(path: JobPath) -> tuple[str, int]:
        """Delete a finished job: its input, output, media and logs; 409 while it is unfinished."""
        with database.begin() as session:
            job = _get(session, path)
            hints = delete_job(session, job)
        statuses.bury(job)
        publisher.publish(hints)
        return "", 204

    return routes


def _get(session: Session, path: JobPath) -> Job:
    return find_job(session, uuid_in_path(path.job_id), owner_id=owner_seen())
