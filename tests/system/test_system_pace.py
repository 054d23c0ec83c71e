"""Thousands of jobs at Replicate's pace: used to the full, shared fairly, and cheap to wait in."""

import json
import re
import time
from pathlib import Path

import httpx
import pytest
from redis import Redis

from fixative.access.owners import ensure_owner
from fixative.jobs.accept import JobRequest, accept
from fixative.postgres.engine import Database

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

PREFIX = "fixative:"


@pytest.fixture
def accepted():
    """Accept so many jobs for an owner, with nobody hinted; their ids."""

    def many(system, owner, count):
        url = system.run["database_url"].replace("postgresql://", "postgresql+psycopg://")
        database = Database(url, connections=1)
        jobs = []
        for start in range(0, count, 500):
            with database.begin() as session:
                owner_id = ensure_owner(session, owner).id
                request = JobRequest(model="emulator/echo", input={"value": "x"})
                for _ in range(min(500, count - start)):
                    jobs += [str(accept(session, request, owner_id).job.id)]
        database.close()
        return jobs

    return many


def creates(system):
    """The creates that the local Replicate took, and those that it throttled."""
    requests = httpx.get(f"{system.run['replicate_url']}/_emulator/stats").json()["requests"]
    posts = {r: n for r, n in requests.items() if r.startswith("POST") and "predictions" in r}
    return (
        sum(n for route, n in posts.items() if route.endswith("predictions 201")),
        sum(n for route, n in posts.items() if route.endswith("predictions 429")),
    )


def test_the_pace_is_used_to_the_full_shared_fairly_and_lowered_when_told(
    start, accepted, eventually
):
    system = start("--no-flower", FIXATIVE_CREATES_PER_MINUTE="600")
    system.configure(creates_per_minute=600, latency={"*": {"start": 0.05, "run": 0.2}})
    accepted(system, "many", 3000)
    eventually(lambda: creates(system)[0] > 20)

    (taken, throttled), began = creates(system), time.monotonic()
    time.sleep(60)
    (taken_after, throttled_after), took = creates(system), time.monotonic() - began
    made, refused = taken_after - taken, throttled_after - throttled
    print(f"of {took * 10:.0f} allowed creates {made} were made, {refused} answered 429")
    assert made >= 0.95 * took * 10
    assert refused < 0.005 * made

    accepted(system, "busy", 2000)
    [first] = accepted(system, "another", 1)
    began = time.monotonic()
    eventually(lambda: system.job(first)["status"] != "queued")
    print(f"another owner's first job waited {time.monotonic() - began:.2f} s")
    assert time.monotonic() - began < 3

    taken, throttled = creates(system)
    system.configure(low_credit=True)
    eventually(lambda: creates(system)[1] > throttled)
    eventually(lambda: 'fixative_pace_per_minute{kind="creates"} 6.0' in _metrics(system))
    time.sleep(1)  # what was under way at that moment is answered
    taken, throttled = creates(system)
    time.sleep(45)
    taken_after, throttled_after = creates(system)
    print(f"low credit: {taken_after - taken} made, {throttled_after - throttled} answered 429")
    assert 3 <= taken_after - taken <= 6
    assert throttled_after - throttled <= 1
    log = (system.data_dir / "logs" / "worker-io.log").read_text()
    assert re.search(r'"per_minute": 6\.0[^\n]*"event": "pace_learned"|pace_learned', log)


def test_twenty_thousand_jobs_wait_without_a_timer_a_long_queue_or_more_memory(start, accepted):
    system = start("--no-flower", FIXATIVE_CREATES_PER_MINUTE="60")
    accepted(system, "many", 20_000)
    time.sleep(20)
    before = {role: _rss(system.pids[role]) for role in ("worker-io", "worker-store", "api")}
    until, longest = time.monotonic() + 120, 0
    while time.monotonic() < until:
        longest = max(longest, *_queues(system).values())
        assert _timers(system) == []
        time.sleep(2)
    after = {role: _rss(system.pids[role]) for role in before}
    print(f"longest queue {longest}; MB before {before}, after {after}")
    assert longest <= 500
    for role, megabytes in before.items():
        assert after[role] - megabytes < 30


def _metrics(system):
    return system.api.get("/metrics").text


def _queues(system):
    redis = Redis.from_url(system.run["redis_url"])
    names = ("submit", "complete", "store", "store_large", "derive", "sync", "notify", "upkeep")
    return {name: redis.llen(PREFIX + name) for name in names}


def _timers(system):
    """Messages, taken or not, that a Celery worker would hold until a time."""
    redis = Redis.from_url(system.run["redis_url"])
    waiting = [m for name in _queues(system) for m in redis.lrange(PREFIX + name, 0, -1)]
    taken = [json.loads(m)[0] for m in redis.hvals(f"{PREFIX}unacked")]
    messages = [*map(json.loads, waiting), *taken]
    return [m for m in messages if m["headers"].get("eta")]


def _rss(pid):
    """Megabytes of the process and its children."""
    family = [pid, *_children(pid)]
    pages = sum(int(Path(f"/proc/{p}/statm").read_text().split()[1]) for p in family)
    return round(pages * 4096 / 2**20)


def _children(pid):
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
