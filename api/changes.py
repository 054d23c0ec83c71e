"""What is said of owners and of budgets put in force: the same behind routes and pages."""

from datetime import UTC, date, datetime

from sqlalchemy.orm import Session

from api.schemas import OwnerRequest
from api.schemas_money import BudgetRequest
from fixative.access.budgets import Holder, holder_of, set_budget
from fixative.access.keys import find_key
from fixative.access.owners import change_owner, ensure_owner
from fixative.hosts import AllowedHosts
from fixative.jobs.telling import check_webhook, told_of
from fixative.postgres.engine import Database
from fixative.postgres.tables import Owner


def say_of_owner(database: Database, said: OwnerRequest, allowed: AllowedHosts) -> Owner:
    """The owner, made or changed; what is left out stays as it is. Raises InvalidRequest."""
    check_webhook(said.webhook, allowed)
    values = said.model_dump(exclude={"name"}, exclude_unset=True)
    if values.keys() & {"webhook", "webhook_events"}:
        values["webhook_events"] = told_of(said.webhook_events)
    with database.begin() as session:
        return change_owner(session, said.name, values)


def say_of_budget(session: Session, said: BudgetRequest) -> None:
    """Set the budget, or lift it. Raises NotFound for an unknown key."""
    set_budget(session, _holder(session, said), said.period, said.amount, today())


def today() -> date:
    """The day, in UTC, that budgets count by."""
    return datetime.now(UTC).date()


def _holder(session: Session, said: BudgetRequest) -> Holder | None:
    if said.owner is not None:
        return Holder(ensure_owner(session, said.owner).id)
    if said.key is None:
        return None
    key = find_key(session, said.key)
    return holder_of(session, key.owner_id, key.id)
