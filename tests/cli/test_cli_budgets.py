from typing import Any

import pytest

BUDGET = {
    "owner": "gallery",
    "key": None,
    "period": "month",
    "amount": "250",
    "reserved": "1.5",
    "spent": "20",
}
ALL = {**BUDGET, "owner": None, "period": "day"}
PAGE = {"items": [ALL, BUDGET], "next": None}


@pytest.mark.parametrize(
    ("holder", "asked"),
    [
        (("--owner", "gallery"), {"owner": "gallery"}),
        (("--key", "fx_abcdefgh"), {"key": "fx_abcdefgh"}),
        (("--all",), {"all": True}),
    ],
)
def test_a_budget_is_set_for_an_owner_a_key_or_all(
    fixative: Any, fake_api: Any, holder: tuple[str, ...], asked: dict[str, Any]
) -> None:
    fake_api.on("PUT /admin/budgets", PAGE)

    result = fixative("budgets", "set", *holder, "--period", "day", "--amount", "250")

    assert result.exit_code == 0
    assert fake_api.asked[0].body == {**asked, "period": "day", "amount": "250"}
    assert "all together" in result.stdout


def test_a_budget_is_lifted_only_by_saying_so(fixative: Any, fake_api: Any) -> None:
    fake_api.on("PUT /admin/budgets", PAGE)
    budget = ("budgets", "set", "--owner", "gallery", "--period", "day")

    assert "exactly one of --amount, --none" in fixative(*budget).stderr
    assert fixative(*budget, "--none").exit_code == 0

    assert fake_api.asked[0].body == {"owner": "gallery", "period": "day", "amount": None}


def test_budgets_are_listed_with_what_is_held_and_spent(fixative: Any, fake_api: Any) -> None:
    fake_api.on("GET /admin/budgets", PAGE)

    [line] = [one for one in fixative("budgets", "list").stdout.splitlines() if "gallery" in one]

    assert line.split() == ["gallery", "month", "250", "1.5", "20"]
