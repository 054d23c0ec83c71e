"""What runs cost, and the most that they can."""

from decimal import Decimal

import pytest

from fixative.catalog.cost import cost_of, worst_case
from fixative.catalog.price import Price

STARTED = {"started_at": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("price", "prediction", "amount", "basis"),
    [
        ({"per_run": "0.04"}, {"metrics": {"predict_time": 3}}, "0.04", "1 run × 0.04"),
        ({"per_second": "0.5"}, {"metrics": {"predict_time": 1.5}}, "0.75", "1.5 s × 0.5"),
        (
            {"per_run": "1", "per_second": "2"},
            {"metrics": {"predict_time": 2}},
            "5",
            "1 run × 1 + 2 s × 2",
        ),
        ({"per_image": "0.1"}, {**STARTED, "output": ["a", "b"]}, "0.2", "2 images × 0.1"),
        ({"per_image": "0.1"}, {**STARTED, "output": "a"}, "0.1", "1 images × 0.1"),
        ({"per_image": "0.1"}, {**STARTED, "output": None}, "0", "0 images × 0.1"),
        (
            {"per_image": "0.1"},
            {"output": ["a"], "metrics": {"image_count": 3}},
            "0.3",
            "3 images × 0.1",
        ),
        (
            {"per_input_token": "0.001", "per_output_token": "0.01"},
            {"metrics": {"input_token_count": 10, "output_token_count": 5}},
            "0.06",
            "10 input tokens × 0.001 + 5 output tokens × 0.01",
        ),
        (
            {"per_second": "1"},
            {**STARTED, "completed_at": "2026-01-01T00:00:02.500000Z"},
            "2.5",
            "2.5 s × 1",
        ),
        ({"per_second": "1"}, STARTED, "0", "s not told"),
        ({"per_second": "1"}, {"metrics": {"predict_time": "x"}}, "0", "s not told"),
        ({"per_run": "1", "per_second": "1"}, {"status": "aborted"}, "0", "never ran"),
        ({}, {"metrics": {"predict_time": 1}}, "0", "free"),
    ],
)
def test_a_run_costs_what_it_tells_of_itself(price, prediction, amount, basis):
    cost = cost_of(Price.model_validate(price), prediction)

    assert (cost.amount, cost.basis) == (Decimal(amount), basis)


@pytest.mark.parametrize(
    ("price", "max_cost", "input_", "most"),
    [
        ({"per_run": "0.04"}, None, {}, "0.04"),
        ({"per_second": "0.5"}, None, {}, "30"),
        ({"per_second": "0.5"}, "2", {}, "2"),
        ({"per_image": "0.1"}, None, {"num_outputs": 4}, "0.4"),
        ({"per_image": "0.1"}, None, {}, None),
        ({"per_image": "0.1"}, None, {"num_outputs": True}, None),
        ({"per_output_token": "0.1"}, None, {}, None),
        ({"per_output_token": "0.1"}, "1", {}, "1"),
        (None, None, {}, None),
        (None, "1", {}, "1"),
        ({}, None, {}, "0"),
    ],
)
def test_the_most_that_a_run_of_a_minute_can_cost(price, max_cost, input_, most):
    read = None if price is None else Price.model_validate(price)
    worst = worst_case(read, max_cost and Decimal(max_cost), 60, input_)

    assert worst == (None if most is None else Decimal(most))
