"""Operations on jobs: retry one, cancel or retry all that a filter finds."""

from functools import partial
from typing import Any
from uuid import UUID

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from api import answer_schemas as answers
from api import answer_schemas_jobs as of_many
from api.addresses import uuid_in_path
from api.auth import caller, needs, owner_seen
from api.cursors import read_cursor, write_cursor
from api.openapi import OF_A_JOB, problems, resource, with_headers
from api.schemas import JobPath
from api.schemas_jobs import RetryRequest, RetrySelection, Selection
from api.statuses import Statuses
from fixative.jobs.cancel import request_cancel
from fixative.jobs.job_query import ENDED_BADLY, UNFINISHED
from fixative.jobs.many import Dealt, deal_with
from fixative.jobs.store import find_job, get_job
from fixative.media.bucket import Bucket
from fixative.media.retry import retry_job
from fixative.names import Hint
from fixative.postgres.engine import Database
from worker.publisher import Publisher


def job_operation_routes(
    database: Database, bucket: Bucket, publisher: Publisher, statuses: Statuses
) -> APIBlueprint:
    """The routes by which jobs are taken up again, and many are dealt with at once."""
    routes = resource("job_operations", keys_only=True)

    @routes.post(
        "/jobs/<job_id>/retry",
        description="What its prediction gave is stored again, which costs nothing. Another attempt"
        " costs money and needs `pay_again`. 409 while the job is unfinished or an attempt of it"
        " unsettled, and where there is nothing to do again.",
        responses={
            202: with_headers(answers.Job, *OF_A_JOB),
            **problems(400, 402, 404, 409, 410, 413, 415, 422),
        },
    )
    @needs("submit")
    def retry(path: JobPath, body: RetryRequest) -> tuple[Response, int]:
        """Take up a job again that failed, was canceled, or was not stored."""
        job_id = uuid_in_path(path.job_id)
        with database.begin() as session:
            find_job(session, job_id, owner_id=owner_seen())
        hints = retry_job(database, bucket, job_id, cause=_cause(), pay_again=body.pay_again)
        publisher.publish(hints)
        return statuses.read(job_id, owner_seen()).answer(), 202

    @routes.post(
        "/jobs/cancel",
        description="As `POST /jobs/ID/cancel` for each unfinished one; `next` goes on where the"
        " limit was reached.",
        responses={202: of_many.Dealt, **problems(400, 413, 415, 422)},
    )
    @needs("cancel")
    def cancel_many(body: Selection) -> tuple[dict[str, Any], int]:
        """Ask for the end of all unfinished jobs that a filter finds."""

        def cancel(job_id: UUID) -> list[Hint]:
            with database.begin() as session:
                return request_cancel(session, get_job(session, job_id))

        before, query = read_cursor(body.cursor), body.query(owner_seen()).only(*UNFINISHED)
        dealt = deal_with(database, query, cancel, before=before, limit=body.limit)
        publisher.publish(dealt.hints)
        return _answer(dealt), 202

    @routes.post(
        "/jobs/retry",
        description="As `POST /jobs/ID/retry` for each that failed or was canceled, unless a"
        " `status` is asked for; `next` goes on where the limit was reached.",
        responses={202: of_many.Dealt, **problems(400, 413, 415, 422)},
    )
    @needs("submit")
    def retry_many(body: RetrySelection) -> tuple[dict[str, Any], int]:
        """Take up again all jobs that a filter finds."""
        retry = partial(retry_job, database, bucket, cause=_cause(), pay_again=body.pay_again)
        before, query = read_cursor(body.cursor), body.query(owner_seen())
        query = query if query.statuses else query.only(*ENDED_BADLY)
        dealt = deal_with(database, query, retry, before=before, limit=body.limit)
        publisher.publish(dealt.hints)
        return _answer(dealt), 202

    return routes


def _cause() -> str:
    return "operator" if caller().sees_all else "api"


def _answer(dealt: Dealt) -> dict[str, Any]:
    return {
        "matched": len(dealt.done) + len(dealt.refused),
        "done": len(dealt.done),
        "ids": dealt.done,
        "refused": [{"id": id_, "detail": detail} for id_, detail in dealt.refused],
        "next": dealt.last and write_cursor(dealt.last),
    }
