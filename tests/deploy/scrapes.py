"""Scrapes, told to Prometheus's own tool one after the other, as if minutes lay between."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.promtool import METRIC, RULES, promtool, read_expressions

ASKED_FOR = {name for text in read_expressions() for name in METRIC.findall(text)}
GROWING = {"counter", "histogram"}

Scrape = dict[str, tuple[bool, float]]  # by series: whether it is counted, and its value


def read_scrape(text: str) -> Scrape:
    """What the rules ask for of an exposition."""
    return {
        _series(sample.name, sample.labels): (family.type in GROWING, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in ASKED_FOR
    }


def assert_alarmed(
    directory: Path, alarm: str, *scrapes: Scrape, minutes: int, every: int, labels: dict[str, str]
) -> None:
    """The alarm fires on the last scrape but one, and on no other.

    Each lasts for so many minutes, the last for an hour more: so far back some rules look. What is
    counted grows evenly meanwhile.
    """
    lasting = [minutes] * len(scrapes)
    lasting[-1] += 65
    steps = [each // every for each in lasting]
    firing = ",".join(
        f'{name}="{value}"'
        for name, value in {"alertname": alarm, "alertstate": "firing", **labels}.items()
    )
    looks = []
    for number in range(len(scrapes)):
        at = {"eval_time": f"{(sum(steps[: number + 1]) - 1) * every}m"}
        fires = number == len(scrapes) - 2
        expected = {"exp_samples": [{"labels": "{}", "value": 1}]} if fires else {}
        looks.append(at | {"expr": f"count(ALERTS{{{firing}}})"} | expected)
    unit: dict[str, Any] = {
        "rule_files": [str(RULES)],
        "evaluation_interval": f"{every}m",
        "group_eval_order": ["fixative-numbers"],
        "tests": [
            {
                "interval": f"{every}m",
                "input_series": [
                    {"series": series, "values": _values(series, scrapes, steps)}
                    for series in sorted(set().union(*scrapes))
                ],
                "promql_expr_test": looks,
            }
        ],
    }
    file = directory / "unit.yml"
    file.write_text(yaml.safe_dump(unit))
    promtool("test", "rules", file)


def _values(series: str, scrapes: Sequence[Scrape], steps: Sequence[int]) -> str:
    """The series through all scrapes, in promtool's notation; `a+bxn` is n + 1 samples."""
    parts, before = [], None
    for scrape, n in zip(scrapes, steps, strict=True):
        if series not in scrape:
            parts.append(f"_x{n}" if before is None else f"stale _x{n - 1}")
            before = None
            continue
        counted, value = scrape[series]
        first = (before or 0.0) if counted and parts else value
        parts.append(f"{first:.9f}+{(value - first) / (n - 1):.9f}x{n - 1}")
        before = value
    return " ".join(parts)


def _series(name: str, labels: dict[str, str]) -> str:
    told = {**labels, "instance": "api:8000", "job": "fixative"}
    quoted = ",".join(f'{key}="{_escaped(value)}"' for key, value in sorted(told.items()))
    return f"{name}{{{quoted}}}"


def _escaped(value: str) -> str:
    return re.sub(r'(["\\])', r"\\\1", value)
