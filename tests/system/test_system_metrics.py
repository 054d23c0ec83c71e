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


def completed(samples):
    return sum(v for (name, _), v in samples.items() if name == "fixative_jobs_completed_total")


def value(samples, name, **labels):
    return samples.get((name, tuple(sorted(labels.items()))), 0.0)


def test_one_scrape_tells_of_a_job_what_the_api_and_each_worker_counted(system, scrape, eventually):
    before = scrape()
    job = system.ended(system.submit())
    assert job["status"] == "succeeded"

    of_job = {"job_type": "image", "model": "black-forest-labs/flux-schnell"}
    image = {"role": "original", "kind": "image"}
    posts = {"method": "POST", "route": "/jobs", "status": "2xx"}
    counted = [
        ("fixative_jobs_accepted_total", of_job),
        ("fixative_jobs_started_total", of_job),
        ("fixative_jobs_completed_total", of_job),
        ("fixative_job_seconds_count", of_job),
        ("fixative_attempts_total", {"outcome": "created"}),
        ("fixative_replicate_seconds_count", {"call": "create", "answer": "2xx"}),
        ("fixative_stored_files_total", image),
        ("fixative_stored_bytes_total", image),
        ("fixative_status_seconds_count", {"status": "storing"}),
        ("fixative_hint_seconds_count", {"queue": "store"}),
        ("fixative_http_request_seconds_count", posts),
        ("fixative_derive_seconds_count", {}),
    ]

    def ends(samples):
        """Whatever it was that first told of the end."""
        causes = ("webhook", "poll", "task", "adopt", "sync")
        return sum(value(samples, "fixative_prediction_ends_total", cause=c) for c in causes)

    def lacking():
        """What has not grown: each process counts when its transaction is committed."""
        now = scrape()
        same = [name for name, of in counted if value(now, name, **of) <= value(before, name, **of)]
        return same if ends(now) > ends(before) else [*same, "ends"]

    eventually(lambda: lacking() == [])
    stored = value(scrape(), "fixative_stored_bytes_total", **image)
    assert stored - value(before, "fixative_stored_bytes_total", **image) > 100


def test_gauges_tell_how_it_stands(system, scrape, eventually):
    system.ended(system.submit())
    of_redis = {
        ("fixative_queue_messages", (("queue", "submit"),)),
        ("fixative_breaker_open", (("kind", "creates"), ("reason", "token"))),
    }

    def standing():
        seen = scrape()
        ticks = {
            dict(labels)["tick"] for name, labels in seen if name == "fixative_tick_age_seconds"
        }
        from_postgres = value(seen, "fixative_workers", role="worker-store") == 1
        from_redis = of_redis <= seen.keys()
        return seen if "fixative.sweep" in ticks and from_postgres and from_redis else None

    seen = eventually(standing)  # who does not answer in time is absent for once
    assert value(seen, "fixative_bucket_bytes") > 100
    assert value(seen, "fixative_data_dir_free_bytes") > 0
    assert value(seen, "fixative_tick_age_seconds", tick="fixative.sweep") < 60
    assert ("fixative_stage_due_seconds", (("stage", "store"),)) in seen


def test_no_counter_goes_down_when_processes_are_killed_and_started_anew(
    system, scrape, eventually
):
    system.all_ended([system.submit(), system.submit()])
    before = scrape()
    eventually(lambda: len(family(system.pids["api"])) > 1)
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
    eventually(lambda: completed(scrape()) > completed(before))

    after = scrape()
    counted = {key: v for key, v in before.items() if key[0].endswith(GROWING)}
    assert len(counted) > 100
    assert {key: (v, after.get(key)) for key, v in counted.items() if after.get(key, 0) < v} == {}
    files = list((system.data_dir / "metrics").glob("counter_*.db"))
    assert len(files) <= 12
