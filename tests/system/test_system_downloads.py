"""Downloads that are cut, truncated and slow, through every process: no file is stored wrong."""

from hashlib import sha256

import httpx
import pytest

JOBS, FILES_EACH = 50, 6
FAULTS = {"output_truncated": 0.2, "output_cut": 0.2, "output_slow": 0.1}


@pytest.fixture
def replicate(system):
    with httpx.Client(base_url=system.run["replicate_url"], timeout=60) as client:
        yield client


@pytest.mark.timeout(400)
def test_every_file_comes_out_right_however_badly_it_is_served(system, replicate):
    system.configure(faults=FAULTS, seconds={"output_slow": 1})
    asked = {"bytes": 200_000, "count": FILES_EACH}

    jobs = [system.submit("emulator/bytes", **asked) for _ in range(JOBS)]
    ended = system.all_ended(jobs, patience=300)

    assert {job["status"] for job in ended} == {"succeeded"}
    assert continued(replicate) > JOBS
    for job in ended:
        right = expected(replicate, job)
        assert [media["sha256"] for media in job["media"]] == right
        contents = [system.api.get(media["url"]).content for media in job["media"]]
        assert [sha256(content).hexdigest() for content in contents] == right


def expected(replicate, job):
    answer = replicate.get(f"/_emulator/expected/{job['prediction']['id']}").raise_for_status()
    assert len(answer.json()) == FILES_EACH
    return [item["sha256"] for item in answer.json()]


def continued(replicate):
    """How many downloads went on where another had been cut."""
    requests = replicate.get("/_emulator/stats").raise_for_status().json()["requests"]
    return sum(times for what, times in requests.items() if "/_files/" in what and "206" in what)
