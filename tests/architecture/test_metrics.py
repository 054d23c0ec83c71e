"""docs/metrics.md lists the metrics that there are, with their types and labels."""

import re

from prometheus_client.metrics import MetricWrapperBase

from fixative.recovery.gauges import GAUGES
from fixative.telemetry import metrics
from fixative.telemetry.labels import ERRORS

ROW = re.compile(r"^\| `(fixative_\w+)` \| (\w+) \|([\w, ]*)\|", re.MULTILINE)
OF_THE_SCRAPE = {  # api/exposition.py
    "fixative_pace_per_minute": {"kind"},
    "fixative_breaker_open": {"kind", "reason"},
    "fixative_queue_messages": {"queue"},
    "fixative_models_config_broken": set(),
    "fixative_info": {"version", "env"},
    "fixative_data_dir_free_bytes": set(),
    "fixative_data_dir_size_bytes": set(),
}


def test_the_document_names_every_metric_and_no_other(root):
    text = (root / "docs/metrics.md").read_text()
    told = {name: (kind, _labels(labels)) for name, kind, labels in ROW.findall(text)}

    counted = [m for m in vars(metrics).values() if isinstance(m, MetricWrapperBase)]
    there = {_name(m): (m._type, set(m._labelnames)) for m in counted}
    there |= {gauge.name: ("gauge", set(gauge.labels)) for gauge in GAUGES}
    there |= {name: ("gauge", labels) for name, labels in OF_THE_SCRAPE.items()}
    assert told == there


def test_names_are_as_prometheus_wants_them():
    for metric in (m for m in vars(metrics).values() if isinstance(m, MetricWrapperBase)):
        assert _name(metric).endswith("_total" if metric._type == "counter" else "_seconds")


def test_the_labels_of_errors_are_the_contracts(wire_contract):
    codes = wire_contract.partition("Error codes: `")[2].partition("`")[0]
    assert set(re.findall(r"\w+", codes)) == ERRORS


def _labels(text):
    return {label.strip() for label in text.split(",") if label.strip()}


def _name(metric):
    return f"{metric._name}_total" if metric._type == "counter" else metric._name
