"""The gallery: what came of the jobs, newest first, as far down as anybody scrolls."""

from typing import Any

from flask import Blueprint, render_template, request
from pydantic import ValidationError

from api.auth import caller, owner_seen
from api.cursors import read_cursor, write_cursor
from api.dashboard.parts import Parts
from api.errors import raise_unprocessable
from api.schemas_jobs import JobFilter
from fixative.jobs.listing import list_jobs
from fixative.media.cards import cards_of
from fixative.postgres.tables import JOB_STATUSES

PAGE = 48
KINDS = ("image", "video", "audio", "text", "complete_content", "other")


def add(pages: Blueprint, parts: Parts) -> None:
    """Add the page; the next part of it is the same address with a cursor."""

    @pages.get("/gallery")
    def gallery() -> str:
        """The page, or what follows the last card."""
        asked = {name: value for name, value in request.args.items() if value}
        is_next = "cursor" in asked and "HX-Request" in request.headers
        shown = _page(parts, asked)
        if is_next:
            return render_template("part_cards.html", **shown)
        owners = caller().sees_all
        return render_template(
            "gallery.html", **shown, statuses=JOB_STATUSES, kinds=KINDS, owners=owners
        )


def _page(parts: Parts, asked: dict[str, str]) -> dict[str, Any]:
    cursor = asked.pop("cursor", None)
    try:
        wanted = JobFilter.model_validate(_with_whole_days(asked)).query(owner_seen())
    except ValidationError as error:
        raise_unprocessable(error)
    with parts.database.begin() as session:
        jobs = list_jobs(session, wanted, before=read_cursor(cursor), limit=PAGE + 1)
        cards = cards_of(session, jobs[:PAGE])
    following = write_cursor(jobs[PAGE - 1].id) if len(jobs) > PAGE else None
    return {"cards": cards, "next": following, "asked": asked}


def _with_whole_days(asked: dict[str, str]) -> dict[str, str]:
    """Days as browsers give them, as the instants at which they begin in UTC."""
    days = {name: f"{asked[name]}T00:00:00Z" for name in asked if name.startswith("created_")}
    return {**asked, **{name: day for name, day in days.items() if "T" not in asked[name]}}
