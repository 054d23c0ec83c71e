"""Home: how it goes now."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, render_template
from sqlalchemy.orm import Session

from api.auth import caller, owner_seen
from api.dashboard.parts import Parts
from fixative.access.budgets import list_budgets
from fixative.access.usage import usage
from fixative.jobs.job_query import JobQuery
from fixative.jobs.listing import list_jobs
from fixative.jobs.overview import minutes_of, overview
from fixative.media.cards import cards_of

LATEST = 12


def add(pages: Blueprint, parts: Parts) -> None:
    """Add the page, and the part of it that lives."""

    @pages.get("/")
    def home() -> str:
        """The whole page."""
        return render_template("home.html", **_shown(parts))

    @pages.get("/live")
    def home_live() -> str:
        """What is asked for again every few seconds."""
        return render_template("part_home.html", **_shown(parts))

    @pages.get("/minutes")
    def home_minutes() -> dict[str, list[float]]:
        """The chart's columns: the minute, and its jobs."""
        with parts.database.begin() as session:
            minutes = minutes_of(session, owner_seen())
        return {
            "at": [minute.at.timestamp() for minute in minutes],
            "accepted": [minute.accepted for minute in minutes],
            "succeeded": [minute.succeeded for minute in minutes],
            "failed": [minute.failed for minute in minutes],
        }


def _shown(parts: Parts) -> dict[str, Any]:
    with parts.database.begin() as session:
        shown = {
            "now": overview(session, owner_seen()),
            "latest": cards_of(
                session,
                list_jobs(session, JobQuery(owner_seen()), before=None, limit=LATEST),
            ),
            **_money(session),
        }
    return {**shown, "pace": parts.creates.state()}


def _money(session: Session) -> dict[str, Any]:
    """What today has cost, and the budgets of whoever looks."""
    today = datetime.now(UTC).date()
    spent = sum(
        item.spent for item in usage(session, owner_id=owner_seen(), since=today, until=today)
    )
    budgets = list_budgets(session, today) if caller().sees_all else []
    return {"spent_today": spent, "budgets": budgets}
