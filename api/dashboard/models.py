"""Models: how each is used, what it costs, how it does, and whether it is still what it was."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from api.auth import owner_seen
from api.dashboard.may import need
from api.dashboard.parts import Parts
from fixative.access.usage import usage
from fixative.catalog.drift import check_models, differences_of_each
from fixative.catalog.entry import Entry
from fixative.jobs.model_use import DAYS, MOST, ModelUse, use_of_models


@dataclass(frozen=True)
class Row:
    """A model of the registry, or one that was used all the same, or both."""

    target: str | None
    entry: Entry | None
    use: ModelUse | None
    spent: Decimal | None
    differences: list[dict[str, str]]


def add(pages: Blueprint, parts: Parts) -> None:
    """Add the page, and its buttons."""
    catalog = parts.submissions.catalog

    @pages.get("/models")
    def models() -> str:
        """Those of the registry, then what else was used."""
        with parts.database.begin() as session:
            rows = _rows(session, catalog.registry.entries())
        return render_template(
            "models.html", rows=rows, days=DAYS, most=MOST, broken=catalog.registry.broken
        )

    @pages.post("/models/check")
    def models_check() -> Response:
        """Compare the registry with what is seen now; or take that for right."""
        need("admin")
        check_models(parts.database, catalog, accept="accept" in request.form)
        return redirect(url_for("ui.models"))


def _rows(session: Session, entries: list[Entry]) -> list[Row]:
    used = {use.target: use for use in use_of_models(session, owner_seen())}
    spent, drifted = _spent(session), differences_of_each(session)
    rows = []
    for entry in entries:
        target = next(filter(None, entry.target.values()))
        use = used.pop(target, None)
        differences = drifted.get(entry.id, [])
        rows.append(Row(target, entry, use, spent.get(target), differences))
    others = [Row(target, None, use, spent.get(target), []) for target, use in used.items()]
    return [*rows, *others]


def _spent(session: Session) -> dict[str | None, Decimal]:
    """Of the last days, by model."""
    today = datetime.now(UTC).date()
    since = today - timedelta(days=DAYS - 1)
    found: dict[str | None, Decimal] = {}
    for item in usage(session, owner_id=owner_seen(), since=since, until=today):
        found[item.model] = found.get(item.model, Decimal(0)) + item.spent
    return found
