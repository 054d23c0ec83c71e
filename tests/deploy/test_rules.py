"""The alarms: each is well formed, leads to its page, fires when it should, and clears."""

import re
from pathlib import Path

import pytest
import yaml

from tests.deploy.promtool import (
    ROOT,
    RULES,
    assert_known,
    needs_promtool,
    promtool,
    read_alerts,
    read_expressions,
    read_recorded,
)

ALERTS = read_alerts()
UNITS = sorted((Path(__file__).parent / "rules").glob("*.yml"))
SEVERITIES = {"critical", "warning"}
UNTRIED = {"FixativeDown", "FixativeDiskFills", "FixativeDiskFull"}  # not told by /metrics; a disk
RECORDED = re.compile(r"\bfixative:\w+(?::\w+)?")


@needs_promtool
def test_the_rules_and_the_sample_are_prometheus_own():
    promtool("check", "rules", RULES)
    promtool("check", "config", RULES.with_name("prometheus.yml"))


def test_an_alarm_has_one_rule():
    names = [alert["alert"] for alert in ALERTS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alarm_says_how_bad_it_is_and_leads_to_a_page_that_tells_of_it(alert):
    said = alert["annotations"]

    assert alert["labels"]["severity"] in SEVERITIES
    assert set(said) == {"summary", "description", "runbook_url"}
    assert f"`{alert['alert']}`" in (ROOT / said["runbook_url"]).read_text()


@pytest.mark.parametrize("expression", read_expressions())
def test_a_rule_asks_for_what_is_documented_or_recorded(expression):
    assert_known(expression)
    assert set(RECORDED.findall(expression)) <= read_recorded()


@needs_promtool
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_alarms_fire_when_they_should_and_clear(unit):
    promtool("test", "rules", unit)


def test_every_alarm_is_seen_to_fire_and_then_not():
    seen = set()
    for unit in UNITS:
        for test in yaml.safe_load(unit.read_text())["tests"]:
            *before, last = [_firing(look) for look in test["promql_expr_test"]]
            seen |= set().union(*before) - last
    assert seen == {alert["alert"] for alert in ALERTS}


def test_every_alarm_is_tried_on_real_numbers_but_those_that_no_test_can_bring_about():
    tests = Path(__file__).parent.glob("test_alarms_of_*.py")
    tried = set(re.findall(r'"(Fixative\w+)"', "".join(test.read_text() for test in tests)))
    assert {alert["alert"] for alert in ALERTS} - tried == UNTRIED


def _firing(look):
    samples = look.get("exp_samples", [])
    return {re.search(r'alertname="(\w+)"', sample["labels"])[1] for sample in samples}
