"""Owners and budgets, on the page of keys."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, make_response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from api.changes import say_of_budget, say_of_owner, today
from api.dashboard.faults import Faulty, told_beside
from api.dashboard.may import need
from api.dashboard.parts import Parts
from api.dashboard.texts import number
from api.schemas import OwnerRequest
from api.schemas_money import BudgetRequest
from fixative.access.budgets import list_budgets
from fixative.access.owners import list_owners

PERIODS = ("day", "month", "total")


def add(pages: Blueprint, parts: Parts, page: Callable[..., str]) -> None:
    """Add the forms; `page` is the page that they stand on."""

    @pages.post("/keys/owners")
    def owners_change() -> Response:
        """Make an owner, or change one as the form says."""
        need("admin")
        try:
            with told_beside():
                say_of_owner(parts.database, _owner(), parts.settings.allowed_webhook_hosts)
        except Faulty as fault:
            return make_response(page(parts, owner_fault=fault), fault.status)
        return redirect(url_for("ui.keys"))

    @pages.post("/keys/budgets")
    def budgets_change() -> Response:
        """Set a budget; without an amount, lift it."""
        need("admin")
        try:
            with told_beside(), parts.database.begin() as session:
                say_of_budget(session, _budget())
        except Faulty as fault:
            return make_response(page(parts, budget_fault=fault), fault.status)
        return redirect(url_for("ui.keys"))


def shown(session: Session) -> dict[str, Any]:
    """What the page shows of them."""
    owners = list_owners(session)
    chosen = request.args.get("owner") or request.form.get("changed")
    return {
        "owners": owners,
        "changed": next((owner for owner in owners if owner.name == chosen), None),
        "budgets": list_budgets(session, today()),
        "periods": PERIODS,
    }


def _owner() -> OwnerRequest:
    """What is said of an owner: all of it, of one that was on the page; else what is filled in."""
    form = request.form
    said = {
        "weight": number(form.get("weight", "")),
        "retention_days": number(form.get("retention_days", "")),
        "webhook": form.get("webhook", "").strip() or None,
        "webhook_events": form.get("webhook_events", "").replace(",", " ").split() or None,
    }
    if "changed" in form:
        said["weight"] = 1 if said["weight"] is None else said["weight"]
    else:
        said = {name: value for name, value in said.items() if value is not None}
    return OwnerRequest.model_validate({"name": form.get("name", "").strip(), **said})


def _budget() -> BudgetRequest:
    form = request.form
    of = form.get("of", "").strip()
    body = {
        "all": True if form.get("holder") == "all" else None,
        "owner": of if form.get("holder") == "owner" else None,
        "key": of if form.get("holder") == "key" else None,
        "period": form.get("period"),
        "amount": form.get("amount", "").strip() or None,
    }
    return BudgetRequest.model_validate(body)
