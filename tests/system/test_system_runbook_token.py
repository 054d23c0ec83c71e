"""The token is changed for another account's: nothing is asked of one that the other made."""

import httpx
import pytest

from tests.system.following import creates, submit_mixed

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

RUNNING, WAITING = 10, 40


def test_what_the_old_account_runs_ends_there_and_what_waits_is_paid_at_the_new_one(
    start, follow, outside, replicate, another_replicate, eventually
):
    configure(replicate, tokens=["r8_the_old_one"])
    configure(another_replicate, tokens=["r8_the_new_one"], creates_per_minute=60000)
    old = {**outside, "REPLICATE_API_TOKEN": "r8_the_old_one"}
    first = start("--no-flower", **old)
    webhook = f"{first.run['api_url']}/webhook/replicate"  # the port stays
    first.stop()
    system = start("--no-flower", **{**old, "REPLICATE_WEBHOOK_URL": webhook})
    system.ended(system.submit(prompt="before"))
    configure(replicate, faults={"create_then_500": 1})
    unclear = system.submit(prompt="unclear")
    eventually(lambda: system.job(unclear)["status"] == "submitting")
    eventually(lambda: stats(replicate)["creates"]["total"] == 2)
    configure(replicate, faults={"create_then_500": 0})
    running = [
        system.submit("emulator/sleep", prompt=f"running {n}", seconds=8) for n in range(RUNNING)
    ]
    eventually(lambda: stats(replicate)["creates"]["total"] == 2 + RUNNING)
    system.api.post("/admin/pause", json={}).raise_for_status()
    waiting = submit_mixed(system, range(WAITING))

    new = {
        **outside,
        "REPLICATE_BASE_URL": another_replicate,
        "FIXATIVE_ALLOWED_OUTPUT_HOSTS": f"{replicate},{another_replicate}",
        "REPLICATE_WEBHOOK_URL": webhook,
        "FIXATIVE_POLL_SECONDS": "300",  # the end comes by webhook, signed with the other secret
    }
    done = follow(system, "token-rotated", new, instead={"r8_…": "r8_the_new_one"})

    system = done.system
    ended = system.all_ended([unclear, *running], patience=300)
    assert {job["status"] for job in ended} == {"succeeded"}
    system.all_ended(waiting, patience=300)
    assert stats(replicate)["creates"]["total"] == 2 + RUNNING
    assert stats(another_replicate)["creates"]["total"] == WAITING
    assert creates(replicate, another_replicate) == {1}
    assert stats(another_replicate)["webhooks"]["ok"] >= WAITING
    assert system.api.get("/admin/state").json()["needs_review"] == 0
    print(f"{WAITING} jobs waiting, {RUNNING + 1} under way: {done.seconds:.0f} s")


def configure(replicate, **config):
    httpx.post(f"{replicate}/_emulator/config", json=config).raise_for_status()


def stats(replicate):
    return httpx.get(f"{replicate}/_emulator/stats").json()
