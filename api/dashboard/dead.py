"""Dead letters: what was given up, and having it tried again."""

from flask import Blueprint, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response

from api.addresses import uuid_in_path
from api.cursors import read_cursor, write_cursor
from api.dashboard.may import need
from api.dashboard.parts import Parts
from api.errors import raise_unprocessable
from api.letters import requeue_all
from api.schemas_dead_letters import LetterFilter
from fixative.jobs.dead_letters import LetterQuery, get_letter, list_letters
from fixative.names import QUEUE_OF_TASK


def add(pages: Blueprint, parts: Parts) -> None:
    """Add the page, and its buttons."""

    @pages.get("/dead")
    def dead() -> str:
        """The letters that the filter lets through, newest first."""
        need("admin")
        asked = {name: value for name, value in request.args.items() if value}
        try:
            query = LetterFilter.model_validate(asked)
        except ValidationError as error:
            raise_unprocessable(error)
        wanted = LetterQuery(task=query.task, job_id=query.job, requeued=query.requeued)
        before, limit = read_cursor(query.cursor), query.limit
        with parts.database.begin() as session:
            letters = list_letters(session, wanted, before=before, limit=limit + 1)
        following = write_cursor(letters[limit - 1].id) if len(letters) > limit else None
        asked.pop("cursor", None)
        return render_template(
            "dead.html",
            letters=letters[:limit],
            next=following,
            asked=asked,
            tasks=sorted(QUEUE_OF_TASK),
        )

    @pages.post("/dead/requeue")
    def dead_requeue_all() -> Response:
        """Have all letters tried again, or those of a task."""
        need("admin")
        requeue_all(parts.database, parts.publisher, task=request.form.get("task") or None)
        return redirect(url_for("ui.dead"))

    @pages.post("/dead/<letter_id>/requeue")
    def dead_requeue(letter_id: str) -> Response:
        """Have one letter tried again."""
        need("admin")
        with parts.database.begin() as session:
            letter = get_letter(session, uuid_in_path(letter_id))
        requeue_all(parts.database, parts.publisher, ids=[letter.id])
        return redirect(url_for("ui.dead"))
