"""A dump is restored, and what happened since is brought back into it."""

import json

import pytest

from tests.system.following import all_written, creates, run, submit_mixed

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

BEFORE, AFTER = 50, 50


def test_what_happened_since_a_restored_dump_comes_back_and_is_paid_once(
    start, follow, outside, replicate, eventually
):
    system = start("--no-flower", **outside)
    early = submit_mixed(system, range(BEFORE))
    system.all_ended(early, patience=300)
    running = system.submit("emulator/sleep", prompt="running", seconds=5)
    key = system.api.post("/admin/keys", json={"owner": "studio"}).json()
    eventually(lambda: system.job(running)["status"] == "processing")
    run(system, f"pg_dump '{system.run['database_url']}' --file dump.sql")
    late = submit_mixed(system, range(BEFORE, BEFORE + AFTER))
    system.all_ended([running, *late], patience=300)
    for job_id in (early[0], late[0]):
        system.api.delete(f"/jobs/{job_id}").raise_for_status()
    system.api.post(f"/admin/keys/{key['id']}/revoke").raise_for_status()
    eventually(lambda: all_written(system), patience=300)
    eventually(
        lambda: {f"deleted/{early[0]}.json", f"deleted/{late[0]}.json"} <= {*system.objects()}
    )
    celery(system, "fixative.export_access")
    eventually(lambda: revoked(system, key["id"]))
    digest = run(system, "fixative digest")
    unfinished = system.submit("emulator/sleep", prompt="unfinished", seconds=40)
    eventually(lambda: system.job(unfinished)["status"] == "processing")
    eventually(lambda: all_written(system), patience=300)

    done = follow(system, "restored-dump", outside)

    system = done.system
    assert {system.api.get(f"/jobs/{job_id}").status_code for job_id in (early[0], late[0])} == {
        410
    }
    headers = {"Authorization": f"Bearer {key['key']}"}
    assert system.api.get("/jobs", headers=headers).status_code == 401
    assert system.ended(unfinished)["status"] == "succeeded"
    assert system.api.get("/admin/state").json()["pauses"] == []
    lines = run(system, "fixative export").splitlines()
    assert len(lines) == BEFORE + AFTER + 2
    assert creates(replicate) == {1}
    print(f"{len(lines)} jobs, {AFTER + 1} of them since the dump: {done.seconds:.0f} s; {digest}")


def celery(system, task):
    run(system, f"FIXATIVE_DATA_DIR={system.data_dir} celery -A worker.app call {task}")


def revoked(system, key_id):
    keys = json.loads(system.content("config/keys.json"))["keys"]
    return any(row["id"] == key_id and row["revoked_at"] for row in keys)
