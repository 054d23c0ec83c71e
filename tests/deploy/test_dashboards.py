"""The dashboards: what Grafana takes, of numbers that there are."""

import json
import re

import pytest
import yaml

from tests.deploy.promtool import ROOT, assert_known, documented, needs_promtool, promtool

DASHBOARDS = {
    path.stem: json.loads(path.read_text())
    for path in sorted((ROOT / "deploy" / "grafana").glob("*.json"))
}
CHOSEN = {"type": "prometheus", "uid": "${datasource}"}
VARIABLE = re.compile(r"\$__rate_interval|\$\w+")
COLUMNS = 24
SERIES = re.compile(r"_(bucket|sum|count)\b")  # of a histogram


def _panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def _expressions(dashboard):
    return [target["expr"] for panel in _panels(dashboard) for target in panel["targets"]]


@pytest.fixture(params=DASHBOARDS)
def dashboard(request):
    return DASHBOARDS[request.param]


def test_whoever_imports_one_chooses_a_prometheus_and_nothing_else(dashboard):
    [first, *others] = dashboard["templating"]["list"]

    assert (first["name"], first["type"], first["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    assert "__inputs" not in dashboard
    asked = [*others, *_panels(dashboard), *dashboard["annotations"]["list"]]
    asked += [target for panel in _panels(dashboard) for target in panel["targets"]]
    assert all(each["datasource"] == CHOSEN for each in asked)


def test_ids_are_ones_own(dashboard):
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    assert [each["uid"] for each in DASHBOARDS.values()].count(dashboard["uid"]) == 1


def test_panels_lie_beside_each_other_and_not_upon(dashboard):
    taken = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= COLUMNS
        assert not cells & taken, panel["title"]
        taken |= cells


def test_panels_show_what_is_documented(dashboard):
    for expression in _expressions(dashboard):
        assert_known(expression)


def test_variables_are_declared(dashboard):
    declared = {f"${each['name']}" for each in dashboard["templating"]["list"]}
    used = {name for text in _expressions(dashboard) for name in VARIABLE.findall(text)}
    assert used - {"$__rate_interval"} <= declared


@needs_promtool
def test_expressions_are_prometheus_own(dashboard, tmp_path):
    rules = [
        {"record": f"panel:{number}", "expr": VARIABLE.sub(_plain, expression)}
        for number, expression in enumerate(_expressions(dashboard))
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    promtool("check", "rules", file)


def test_every_metric_is_shown_somewhere():
    shown = " ".join(text for each in DASHBOARDS.values() for text in _expressions(each))
    named = set(re.findall(r"\bfixative_\w+", SERIES.sub("", shown)))
    assert {SERIES.sub("", name) for name in documented()} - named == set()


def _plain(variable):
    return "5m" if variable[0] == "$__rate_interval" else ".*"
