"""The bucket is gone with everything in it."""

import json

import pytest

from tests.system.following import MODELS, all_written, creates, run, submit_mixed

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

JOBS = 100


def test_rows_lose_nothing_with_the_bucket_and_every_lost_file_is_named(
    start, follow, outside, replicate, eventually
):
    system = start("--no-flower", **outside)
    jobs = submit_mixed(system, range(JOBS))
    ended = system.all_ended(jobs, patience=300)
    system.api.delete(f"/jobs/{jobs[0]}").raise_for_status()
    eventually(lambda: all_written(system), patience=300)
    eventually(lambda: f"deleted/{jobs[0]}.json" in system.objects())
    stored = {media["name"] for job in ended[1:] for media in job["media"]}
    digest = run(system, "fixative digest")

    looking = "fixative doctor --bucket"
    done = follow(system, "loss-of-the-bucket", outside, exits={looking: 1})

    system = done.system
    assert done.told["fixative digest"] == [digest]
    lost = json.loads((system.data_dir.parent / "lost.json").read_text())
    named = [p["name"] for p in lost["problems"] if p["kind"] == "media: missing"]
    assert {name.rpartition("/")[2] for name in named} >= stored
    eventually(lambda: all_written(system), patience=300)
    eventually(lambda: f"deleted/{jobs[0]}.json" in system.objects())
    manifests = [key for key in system.objects() if key.endswith("/metadata.json")]
    assert len(manifests) == JOBS - 1
    system.assert_stored(system.ended(system.submit(MODELS[0][0], prompt="after")))
    assert creates(replicate) == {1}
    print(f"{JOBS} jobs, {len(named)} files lost: {done.seconds:.0f} s")
