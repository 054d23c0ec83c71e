"""The system: what runs, what waits, what is held back, and which servers answer."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from api.dashboard.faults import Faulty, told_beside
from api.dashboard.may import need
from api.dashboard.parts import Parts
from api.running import read_running
from fixative.jobs.pauses import RESTORED, list_pauses, pause, resume
from fixative.postgres.presence import lateness
from fixative.recovery.state import count_in_review, list_ticks, list_workers, unrecorded_seconds
from worker.publisher import known_queue_lengths


def add(pages: Blueprint, parts: Parts) -> None:
    """Add the page, the part of it that lives, and its buttons."""

    @pages.get("/system")
    def system() -> str:
        """The whole page."""
        need("admin")
        return _page(parts, None)

    @pages.get("/system/live")
    def system_live() -> str:
        """What is asked for again every few seconds."""
        need("admin")
        return render_template("part_system.html", **_live(parts))

    @pages.post("/system/pause")
    def system_pause() -> Response:
        """Hold submissions: all, of a model, of an owner, or of both together."""
        need("admin")
        try:
            with told_beside(), parts.database.begin() as session:
                pause(session, **_scope())
        except Faulty as fault:
            return make_response(_page(parts, fault), fault.status)
        return redirect(url_for("ui.system"))

    @pages.post("/system/resume")
    def system_resume() -> Response:
        """Lift the pause that the same words made."""
        need("admin")
        with parts.database.begin() as session:
            resume(session, **_scope())
        return redirect(url_for("ui.system"))


def _scope() -> dict[str, str | None]:
    return {name: request.form.get(name, "").strip() or None for name in ("model", "owner")}


def _page(parts: Parts, fault: Faulty | None) -> str:
    with parts.database.begin() as session:
        pauses = list_pauses(session)
    return render_template(
        "system.html",
        **_live(parts),
        pauses=pauses,
        restored=RESTORED,
        fault=fault,
        asked=request.form,
        version=version("fixative"),
        running=read_running(parts.settings.fixative_data_dir),
    )


def _live(parts: Parts) -> dict[str, Any]:
    with parts.database.begin() as session:
        shown = {
            "workers": list_workers(session),
            "late": lateness(session),
            "ticks": list_ticks(session),
            "needs_review": count_in_review(session),
            "unrecorded_seconds": unrecorded_seconds(session),
        }
    servers, hearing = parts.readiness.look()
    return {
        **shown,
        "servers": servers,
        "deaf": hearing["deaf"],
        "queues": known_queue_lengths(parts.publisher),
        "creates": parts.creates.state(),
        "reads": parts.reads.state(),
        "now": datetime.now(UTC),
    }
