"""Recovery: syncs with Replicate's history, and the records of each day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from heapq import nlargest
from itertools import islice
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from api.dashboard.faults import Faulty, told_beside
from api.dashboard.may import need
from api.dashboard.parts import Parts
from api.dashboard.texts import number
from api.schemas_recovery import DEFAULT_MOST, SyncRequest
from fixative.errors import RecordsAway
from fixative.names import SYNC_HISTORY, Hint
from fixative.recovery.history_runs import Walk, open_run
from fixative.recovery.record_store import RecordStore
from fixative.recovery.records import DAILY, folder_of, read_day
from fixative.recovery.state import list_runs

RUNS = 20
LAST_DAYS = 7
MOST_DAYS = 20_000  # names that are looked through for the last ones
MOST_COUNTED = 1_000  # records of one kind and day


def add(pages: Blueprint, parts: Parts) -> None:
    """Add the page, the parts of it that live, and its button."""

    @pages.get("/recovery")
    def recovery() -> str:
        """The whole page."""
        need("admin")
        return _page(parts, None)

    @pages.get("/recovery/live")
    def recovery_live() -> str:
        """The syncs, asked for again while one is under way."""
        need("admin")
        return render_template("part_syncs.html", **_runs(parts))

    @pages.get("/recovery/records")
    def recovery_records() -> str:
        """The last days' records, which may take a bucket some time to list."""
        need("admin")
        try:
            days = _days(parts.records)
        except RecordsAway:
            days = None
        return render_template("part_records.html", days=days, most=MOST_COUNTED)

    @pages.post("/recovery")
    def recovery_sync() -> Response:
        """Have history walked, or join the walk that is under way."""
        need("admin")
        try:
            run_id = _open(parts)
        except Faulty as fault:
            return make_response(_page(parts, fault), fault.status)
        parts.publisher.publish([Hint(SYNC_HISTORY, {"run_id": run_id})])
        return redirect(url_for("ui.recovery"))


def _page(parts: Parts, fault: Faulty | None) -> str:
    asked = request.form if fault else {"max_predictions": DEFAULT_MOST}
    return render_template("recovery.html", **_runs(parts), fault=fault, asked=asked)


def _runs(parts: Parts) -> dict[str, Any]:
    with parts.database.begin() as session:
        runs = list_runs(session, limit=RUNS)
    return {"runs": runs, "under_way": any(run.status == "running" for run in runs)}


def _open(parts: Parts) -> str:
    body = {
        "bootstrap": "bootstrap" in request.form,
        "max_predictions": number(request.form.get("max_predictions", "")),
    }
    with told_beside():
        asked = SyncRequest.model_validate(body)
    walk = Walk(asked.bootstrap, asked.since, asked.until, asked.max_predictions)
    with parts.database.begin() as session:
        return str(open_run(session, walk).id)


@dataclass(frozen=True)
class _Day:
    """The records of a day, at most so many counted; None where they are one file by now."""

    day: date
    accepted: int | None
    processed: int | None


def _days(records: RecordStore) -> list[_Day]:
    """The last days that have records, the newest first. May raise RecordsAway."""
    names = islice(records.children(DAILY), MOST_DAYS)
    found = {day: name == day.isoformat() for name in names if (day := read_day(name))}
    return [_day(records, day, is_folder=found[day]) for day in nlargest(LAST_DAYS, found)]


def _day(records: RecordStore, day: date, *, is_folder: bool) -> _Day:
    if not is_folder:
        return _Day(day, None, None)
    folder = folder_of(day)
    counted = (_count(records.children(f"{folder}/{kind}")) for kind in ("accepted", "processed"))
    return _Day(day, *counted)


def _count(names: Iterator[str]) -> int:
    return sum(1 for _ in islice(names, MOST_COUNTED))
