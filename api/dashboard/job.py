"""One job: what was asked, what came of it, why, and what can be done about it."""

import shlex
import uuid
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from api.addresses import base_url, uuid_in_path
from api.answers import dump
from api.auth import caller, owner_seen
from api.dashboard.may import need
from api.dashboard.parts import Parts
from api.dashboard.spans import spans_of
from fixative.jobs.cancel import request_cancel
from fixative.jobs.delete import delete_job
from fixative.jobs.settle import settle_absent, settle_created
from fixative.jobs.states import is_terminal
from fixative.jobs.store import current_attempt, find_job
from fixative.jobs.timeline import timeline
from fixative.media.retry import retry_job
from fixative.names import Hint
from fixative.postgres.tables import Job


def add(pages: Blueprint, parts: Parts) -> None:
    """Add the page, the part of it that lives, and its buttons."""

    @pages.get("/jobs/<job_id>")
    def job(job_id: str) -> str:
        """The whole page."""
        return render_template("job.html", **_shown(parts, uuid_in_path(job_id)))

    @pages.get("/jobs/<job_id>/live")
    def job_live(job_id: str) -> str:
        """What is asked for again until the job has ended."""
        return render_template("part_job.html", **_shown(parts, uuid_in_path(job_id)))

    @pages.post("/jobs/<job_id>/cancel")
    def job_cancel(job_id: str) -> Response:
        """Ask for its end."""
        need("cancel")
        with parts.database.begin() as session:
            hints = request_cancel(session, _find(session, job_id))
        return _back(parts, job_id, hints)

    @pages.post("/jobs/<job_id>/retry")
    def job_retry(job_id: str) -> Response:
        """Store it again, or, when that is said, pay for another attempt."""
        need("submit")
        with parts.database.begin() as session:
            _find(session, job_id)
        hints = retry_job(
            parts.database,
            parts.bucket,
            uuid_in_path(job_id),
            cause="operator" if caller().sees_all else "api",
            pay_again="pay_again" in request.form,
        )
        return _back(parts, job_id, hints)

    @pages.post("/jobs/<job_id>/settle")
    def job_settle(job_id: str) -> Response:
        """Say which prediction its create made, or that it made none."""
        need("admin")
        prediction, id_ = request.form.get("prediction"), uuid_in_path(job_id)
        hints = (
            settle_created(parts.database, parts.replicate, id_, prediction)
            if prediction
            else settle_absent(parts.database, id_)
        )
        return _back(parts, job_id, hints)

    @pages.post("/jobs/<job_id>/delete")
    def job_delete(job_id: str) -> Response:
        """Delete it, with all that came of it."""
        need("cancel")
        with parts.database.begin() as session:
            found = _find(session, job_id)
            hints = delete_job(session, found)
        parts.statuses.bury(found)
        parts.publisher.publish(hints)
        return redirect(url_for("ui.gallery"))


def _find(session: Session, job_id: str) -> Job:
    return find_job(session, uuid_in_path(job_id), owner_id=owner_seen())


def _back(parts: Parts, job_id: str, hints: Sequence[Hint]) -> Response:
    parts.publisher.publish(hints)
    return redirect(url_for("ui.job", job_id=job_id))


def _shown(parts: Parts, job_id: uuid.UUID) -> dict[str, Any]:
    with parts.database.begin() as session:
        job = find_job(session, job_id, owner_id=owner_seen())
        attempt = current_attempt(session, job)
        items = timeline(session, job)
        shown = parts.statuses.show(session, job)
        prediction = attempt.prediction if attempt else None
    ended = is_terminal(shown["status"])
    return {
        "job": shown,
        "prediction": prediction,
        "items": items,
        "spans": spans_of(items, ended=ended),
        "ended": ended,
        "curl": _curl(parts, shown),
    }


def _curl(parts: Parts, job: dict[str, Any]) -> str:
    """The command that asks for the same."""
    target = {name: job[name] for name in ("model", "version", "deployment") if job[name]}
    body = dump({**target, "input": job["input"], "job_type": job["job_type"]}).decode()
    return (
        f"curl {base_url(parts.settings)}/jobs -H 'Content-Type: application/json' \\\n"
        f'  -H "Authorization: Bearer $FIXATIVE_API_KEY" -d {shlex.quote(body)}'
    )
