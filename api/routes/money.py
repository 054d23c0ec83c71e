"""Money: what may be spent, and what was."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from sqlalchemy.orm import Session

from api import answer_schemas_money as answers
from api.auth import caller, needs
from api.changes import say_of_budget, today
from api.openapi import problems, resource
from api.schemas_money import BudgetRequest, UsageFilter
from fixative.access.budgets import list_budgets
from fixative.access.owners import find_owner
from fixative.access.usage import usage
from fixative.dollars import dollars
from fixative.errors import InvalidRequest
from fixative.postgres.engine import Database


def money_routes(database: Database) -> APIBlueprint:
    """The routes /usage and /admin/budgets."""
    routes = resource("money", keys_only=True)

    @routes.get(
        "/usage",
        description="Yours or, with the scope admin, everybody's. Only jobs of models with a price"
        " are in it.",
        responses={200: answers.UsagePage, **problems(404, 422)},
    )
    @needs("read")
    def show_usage(query: UsageFilter) -> dict[str, Any]:
        """See what was spent by owner, model and day."""
        since, until = query.days()
        with database.begin() as session:
            owner_id = None if caller().sees_all else caller().owner_id
            if query.owner is not None:
                if not caller().sees_all:
                    raise InvalidRequest("owner", "is for keys of the scope admin")
                owner_id = find_owner(session, query.owner).id
            found = usage(session, owner_id=owner_id, since=since, until=until)
        return {"items": [{**_told(item), "currency": "USD"} for item in found], "next": None}

    @routes.get("/admin/budgets", responses={200: answers.BudgetPage})
    @needs("admin")
    def show_budgets() -> dict[str, Any]:
        """List every budget, and what its current period has seen."""
        with database.begin() as session:
            return _page(session)

    @routes.put(
        "/admin/budgets", responses={200: answers.BudgetPage, **problems(400, 404, 413, 415, 422)}
    )
    @needs("admin")
    def change_budget(body: BudgetRequest) -> dict[str, Any]:
        """Set a budget, or lift it with `amount` null; every budget, as they are then."""
        with database.begin() as session:
            say_of_budget(session, body)
            return _page(session)

    return routes


def _page(session: Session) -> dict[str, Any]:
    return {"items": [_told(item) for item in list_budgets(session, today())], "next": None}


def _told(item: Any) -> dict[str, Any]:
    return {name: _plain(value) for name, value in asdict(item).items()}


def _plain(value: Any) -> Any:
    return dollars(value) if isinstance(value, Decimal) else value
