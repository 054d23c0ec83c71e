"""Dead letters: what was given up, and having it tried again."""

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api import answer_schemas_admin as answers
from api.addresses import uuid_in_path
from api.auth import needs
from api.cursors import page_of, read_cursor
from api.letters import requeue_all
from api.openapi import problems, resource
from api.schemas_dead_letters import LetterFilter, LetterPath, RequeueRequest
from fixative.jobs.dead_letters import LetterQuery, get_letter, list_letters
from fixative.postgres.engine import Database
from fixative.postgres.operation_tables import DeadLetter
from worker.publisher import Publisher


def dead_letter_routes(database: Database, publisher: Publisher) -> APIBlueprint:
    """The routes under /admin/dead-letters."""
    routes = resource("dead_letters", keys_only=True)

    @routes.get("/admin/dead-letters", responses={200: answers.LetterPage, **problems(422)})
    @needs("admin")
    def list_page(query: LetterFilter) -> dict[str, Any]:
        """List what was given up, newest first: what is open, or what was tried again."""
        wanted = LetterQuery(task=query.task, job_id=query.job, requeued=query.requeued)
        with database.begin() as session:
            before = read_cursor(query.cursor)
            letters = list_letters(session, wanted, before=before, limit=query.limit + 1)
        return page_of(letters, query.limit, _item)

    @routes.get(
        "/admin/dead-letters/<id:letter_id>", responses={200: answers.Letter, **problems(404)}
    )
    @needs("admin")
    def show(path: LetterPath) -> dict[str, Any]:
        """Look at one letter, with the traceback."""
        with database.begin() as session:
            letter = get_letter(session, uuid_in_path(path.letter_id))
        return {**_item(letter), "traceback": letter.traceback}

    @routes.post(
        "/admin/dead-letters/requeue",
        responses={202: answers.Requeued, **problems(400, 413, 415, 422)},
    )
    @needs("admin")
    def requeue_many(body: RequeueRequest) -> tuple[dict[str, int], int]:
        """Have letters tried again: those named, those of a task, or all."""
        return {"requeued": requeue_all(database, publisher, ids=body.ids, task=body.task)}, 202

    @routes.post(
        "/admin/dead-letters/<letter_id>/requeue",
        responses={202: answers.Requeued, **problems(404)},
    )
    @needs("admin")
    def requeue_one(path: LetterPath) -> tuple[dict[str, int], int]:
        """Have one letter tried again; once, however often it is asked for."""
        letter_id = uuid_in_path(path.letter_id)
        with database.begin() as session:
            get_letter(session, letter_id)
        return {"requeued": requeue_all(database, publisher, ids=[letter_id])}, 202

    return routes


def _item(letter: DeadLetter) -> dict[str, Any]:
    return {name: getattr(letter, name) for name in answers.LetterItem.model_fields}
