"""Prometheus's own tool for rules, and what the rules and docs/metrics.md say."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
ROW = re.compile(r"^\| `(fixative_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)
METRIC = re.compile(r"\bfixative_\w+")
SELECTOR = re.compile(r"\b(fixative_\w+)\{([^}]*)\}")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
ADDED = {"instance", "job"}  # by Prometheus

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool here: Debian has it in `prometheus`"
)


def promtool(*arguments: str | Path) -> None:
    """Run it; it has nothing to object to."""
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def read_alerts() -> list[dict[str, Any]]:
    """Every alarm of the rules."""
    return [rule for rule in _rules() if "alert" in rule]


def read_recorded() -> set[str]:
    """The names that the rules record."""
    return {rule["record"] for rule in _rules() if "record" in rule}


def read_expressions() -> list[str]:
    """What every rule evaluates."""
    return [str(rule["expr"]) for rule in _rules()]


def documented() -> dict[str, set[str]]:
    """The labels of each metric that docs/metrics.md names, a histogram's series included."""
    labels: dict[str, set[str]] = {}
    for name, kind, said in ROW.findall((ROOT / "docs" / "metrics.md").read_text()):
        known = {label.strip() for label in said.split(",") if label.strip()}
        labels[name] = known
        if kind == "histogram":
            labels |= {f"{name}_bucket": known | {"le"}}
            labels |= {f"{name}_sum": known, f"{name}_count": known}
    return labels


def assert_known(expression: str) -> None:
    """Its metrics stand in docs/metrics.md, with the labels it selects by."""
    known = documented()
    assert set(METRIC.findall(expression)) <= set(known), expression
    for name, selected in SELECTOR.findall(expression):
        unquoted = re.sub(r'"[^"]*"', "", selected)
        assert set(LABEL.findall(unquoted)) <= known[name] | ADDED, expression


def _rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]
