"""Budgets and usage over HTTP."""

import json
import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete

from api.answer_schemas_money import BudgetPage, UsagePage
from fixative.postgres.money_tables import Balance, Budget, LedgerEntry

PRICED = json.dumps({"models": {"emu/image": {"price": {"per_run": "0.4"}}}})
SUBMISSION = {"model": "emu/image", "input": {}}


@pytest.fixture(autouse=True)
def _no_money(database):
    yield
    with database.begin() as session:
        for table in (Budget, Balance, LedgerEntry):
            session.execute(delete(table))


@pytest.fixture
def spender(new_app, services, new_key):
    """A client of an owner whose jobs have a price."""
    app = new_app(services.settings.model_copy(update={"models_config": PRICED}))
    client = app.test_client()
    client.environ_base["HTTP_X_API_KEY"] = new_key("spender", "submit", "read")
    return client


@pytest.fixture
def put(admin):
    def change(**budget):
        return admin.put("/admin/budgets", json={"period": "day", **budget})

    return change


def test_what_is_not_left_is_402_and_its_key_may_be_used_again(spender, put, refused):
    put(owner="spender", amount="0.5")
    key = {"Idempotency-Key": uuid.uuid4().hex}
    assert spender.post("/jobs", json=SUBMISSION).status_code == 202

    answer = spender.post("/jobs", json=SUBMISSION, headers=key)
    refused(answer, 402)
    assert "the owner's budget (day, 0.5)" in answer.json["detail"]

    put(owner="spender", amount=None)
    assert spender.post("/jobs", json=SUBMISSION, headers=key).status_code == 202


def test_budgets_are_listed_with_what_they_have_seen(spender, put, admin):
    put(owner="spender", amount="0.5")
    put(all=True, amount="100")
    spender.post("/jobs", json=SUBMISSION)

    page = BudgetPage.model_validate_json(admin.get("/admin/budgets").data)

    told = [(b.owner, b.key, b.amount, b.reserved, b.spent) for b in page.items]
    assert told == [(None, None, "100", "0", "0"), ("spender", None, "0.5", "0.4", "0")]


def test_a_keys_budget_is_set_by_its_prefix(spender, admin, put, refused):
    key = spender.environ_base["HTTP_X_API_KEY"]
    [prefix] = [k["prefix"] for k in admin.get("/admin/keys").json["items"] if k["prefix"] in key]
    answer = put(key=prefix, amount="0.1")

    assert [budget["key"] for budget in answer.json["items"]] == [prefix]
    refused(spender.post("/jobs", json=SUBMISSION), 402)


def test_a_budget_that_does_not_fit_is_refused_by_name(put, refused):
    for body, places in (
        ({"amount": "1"}, [["owner"], ["key"], ["all"]]),
        ({"owner": "a", "all": True, "amount": "1"}, [["owner"], ["all"]]),
        ({"owner": "a", "amount": "-1"}, [["amount"]]),
        ({"owner": "a"}, [["amount"]]),
        ({"owner": "a", "period": "week", "amount": "1"}, [["period"]]),
    ):
        answer = put(**body)
        refused(answer, 422)
        assert [error["loc"] for error in answer.json["errors"]] == places
    refused(put(all=True, period="month", amount="1"), 422)
    refused(put(key="fx_nobody", amount="1"), 404)


def test_usage_is_told_by_day_and_model_of_ones_own_jobs_only(spender, api, admin):
    spender.post("/jobs", json=SUBMISSION)
    spender.post("/jobs", json=SUBMISSION)

    [mine] = UsagePage.model_validate_json(spender.get("/usage").data).items

    assert (mine.day, mine.owner, mine.model) == (datetime.now(UTC).date(), "spender", "emu/image")
    assert (mine.jobs, mine.spent, mine.reserved, mine.currency) == (2, "0", "0.8", "USD")
    assert api.get("/usage").json["items"] == []
    assert len(admin.get("/usage").json["items"]) == 1
    assert len(admin.get("/usage?owner=spender").json["items"]) == 1
    assert admin.get("/usage?since=2020-01-01&until=2020-01-31").json["items"] == []


def test_days_that_make_no_sense_and_other_owners_are_refused(spender, admin, refused):
    refused(spender.get("/usage?owner=tests"), 422)
    refused(admin.get("/usage?owner=nobody-of-this-name"), 404)
    refused(admin.get("/usage?since=2020-01-02&until=2020-01-01"), 422)
    refused(admin.get("/usage?since=2020-01-01&until=2021-01-01"), 422)
