"""A dump taken in the middle of work, two hundred more jobs, and the dump restored."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.databases import POSTGRES_PROGRAMS

pytestmark = pytest.mark.soak

BEFORE, AFTER = 20, 200


@pytest.mark.parametrize("webhook", ["http://127.0.0.1:9/webhook", None])
def test_a_restored_dump_pays_for_nothing_twice(start, replicate, eventually, tmp_path, webhook):
    environ = {
        "REPLICATE_API_TOKEN": "r8_any",
        "REPLICATE_BASE_URL": replicate,
        "FIXATIVE_ALLOWED_OUTPUT_HOSTS": replicate,
        "FIXATIVE_CREATES_PER_MINUTE": "300",
        **({"REPLICATE_WEBHOOK_URL": webhook} if webhook else {}),
    }
    system = start("--no-flower", **environ)
    jobs = [system.submit(prompt=f"before {number}") for number in range(BEFORE)]
    dump = tmp_path / "dump.sql"
    _run("pg_dump", system, "--clean", "--if-exists", "--file", str(dump))
    statuses = {system.job(job_id)["status"] for job_id in jobs}
    assert "queued" in statuses
    later = [system.submit(prompt=f"after {number}") for number in range(AFTER)]
    system.all_ended(later, patience=180)
    assert _creates(replicate) == [1] * (BEFORE + AFTER)
    assert system.stop() == 0

    services = start("--services", **environ)
    _run("psql", services, "--quiet", "--file", str(dump))
    recover = [str(Path(sys.executable).with_name("fixative")), "recover", "--data-dir"]
    # The workers table of the dump speaks of workers that were alive when it was made.
    eventually(
        lambda: (
            subprocess.run(
                [*recover, str(system.data_dir)],
                env=services.environ,
                check=False,
            ).returncode
            == 0
        )
    )
    services.stop()

    system = start("--no-flower", **environ)
    ended = system.all_ended(jobs, patience=300)
    assert {job["status"] for job in ended} == {"succeeded"}
    assert _creates(replicate) == [1] * (BEFORE + AFTER)


def _creates(replicate):
    """How often each input was created: every prompt is one job's own."""
    stats = httpx.get(f"{replicate}/_emulator/stats").json()
    return sorted(stats["creates"]["by_input"].values())


def _run(program, system, *arguments):
    subprocess.run(
        [str(POSTGRES_PROGRAMS / program), "--dbname", system.run["database_url"], *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
    )
