"""Metrics of the whole system: one scrape, and counters that outlive who counted."""

import os
import signal

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.processes import family

GROWING = ("_total", "_count", "_sum", "_bucket")


@pytest.fixture
def scrape(system):
    def read():
        text = httpx.get(f"{system.run['api_url']}/metrics", timeout=30).text
        families = text_string_to_metric_families(text)
        samples = [sample for metric in families for sample in metric.samples]
        return {(s.name, tuple(sorted(s.labels.items()))): s.value for s in samples}

    return read


def value(samples, name, **labels):
    return samples.get((name, tuple(sorted(labels.items()))), 0.0)


def test_one_scrape_tells_of_a_job_what_the_api_and_each_worker_counted(system, scrape, eventually):
    before = scrape()
    job = system.ended(system.submit())
    assert job["status"] == "succeeded"

    def more(name, **labels):
        return value(scrape(), name, **labels) - value(before, name, **labels)

    of_job = {"job_type": "image", "model": "black-forest-labs/flux-schnell"}
    for name in ("accepted", "started", "completed"):
        eventually(lambda name=name: more(f"fixative_jobs_{name}_total", **of_job) >= 1)
    assert more("fixative_job_seconds_count", **of_job) >= 1
    assert more("fixative_attempts_total", outcome="created") >= 1
    assert more("fixative_replicate_seconds_count", call="create", answer="2xx") >= 1
    assert more("fixative_stored_files_total", role="original", kind="image") >= 1
    assert more("fixative_stored_bytes_total", role="original", kind="image") > 100
    assert more("fixative_status_seconds_count", status="storing") >= 1
    assert more("fixative_hint_seconds_count", queue="store") >= 1
    posts = {"method": "POST", "route": "/jobs", "status": "2xx"}
    assert more("fixative_http_request_seconds_count", **posts) >= 1
    eventually(lambda: more("fixative_derive_seconds_count") >= 1)
    causes = ("webhook", "poll", "task", "adopt", "sync")
    ends = sum(more("fixative_prediction_ends_total", cause=cause) for cause in causes)
    assert ends >= 1


def test_gauges_tell_how_it_stands(system, scrape, eventually):
    system.ended(system.submit())

    def standing():
        seen = scrape()
        ticks = {
            dict(labels)["tick"] for name, labels in seen if name == "fixative_tick_age_seconds"
        }
        workers = value(seen, "fixative_workers", role="worker-store")
        return seen if "fixative.sweep" in ticks and workers == 1 else None

    seen = eventually(standing)
    assert value(seen, "fixative_bucket_bytes") > 100
    assert value(seen, "fixative_data_dir_free_bytes") > 0
    assert value(seen, "fixative_tick_age_seconds", tick="fixative.sweep") < 60
    assert ("fixative_queue_messages", (("queue", "submit"),)) in seen
    assert ("fixative_breaker_open", (("kind", "creates"), ("reason", "token"))) in seen
    assert ("fixative_stage_due_seconds", (("stage", "store"),)) in seen


def test_no_counter_goes_down_when_processes_are_killed_and_started_anew(
    system, scrape, eventually
):
    system.all_ended([system.submit(), system.submit()])
    before = scrape()
    killed = [
        family(system.pids["api"])[1],
        family(system.pids["worker-derive"])[1],
        system.pids["worker-io"],
        system.pids["worker-store"],
    ]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not set(killed) & set(system.pids.values()))
    system.ended(system.submit())

    after = scrape()
    counted = {key: v for key, v in before.items() if key[0].endswith(GROWING)}
    assert len(counted) > 100
    assert {key: (v, after.get(key)) for key, v in counted.items() if after.get(key, 0) < v} == {}
    done = ("fixative_jobs_completed_total", ("job_type", "image"))
    assert sum(v for (name, _), v in after.items() if name == done[0]) > sum(
        v for (name, _), v in before.items() if name == done[0]
    )
    files = list((system.data_dir / "metrics").glob("counter_*.db"))
    assert len(files) <= 12
