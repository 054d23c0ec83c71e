"""Replicate's token is rotated under waiting jobs: they wait for the new one, and are paid once."""

import httpx
import pytest

pytestmark = [pytest.mark.soak, pytest.mark.timeout(400)]


def test_jobs_wait_while_the_old_token_is_refused_and_go_on_with_the_new_one(
    start, replicate, eventually
):
    def accepting(token):
        url = f"{replicate}/_emulator/config"
        httpx.post(url, json={"tokens": [token]}).raise_for_status()
        return {
            "REPLICATE_API_TOKEN": token,
            "REPLICATE_BASE_URL": replicate,
            "FIXATIVE_ALLOWED_OUTPUT_HOSTS": replicate,
        }

    system = start("--no-flower", **accepting("r8_the_old_one"))
    system.ended(system.submit(prompt="before"))
    new = accepting("r8_the_new_one")
    jobs = [system.submit(prompt=f"meanwhile {number}") for number in range(5)]
    eventually(lambda: (system.job(jobs[0])["waiting"] or {}).get("reason") == "token")
    assert system.stop() == 0

    system = start("--no-flower", **new)

    assert {job["status"] for job in system.all_ended(jobs)} == {"succeeded"}
    stats = httpx.get(f"{replicate}/_emulator/stats").json()
    assert set(stats["creates"]["by_input"].values()) == {1}
