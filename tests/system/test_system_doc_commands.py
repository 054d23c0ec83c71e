"""The commands of the documents run as they are written, each page from top to bottom.

What a page cannot know is put in: where the API is, and the ids and keys of things that are there.
"""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fixative.recovery.record_lines import compressed
from tests.doc_blocks import PAGES, ROOT, commands_of
from tests.system.conftest import System

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not shutil.which("jq"), reason="the commands need jq"),
]

OTHERS = {"docs/start.md"}  # below
BEGIN = """
set -eu -o pipefail
curl() { command curl -fsS --retry 5 "$@" || { code=$?; [ $code = 28 ] || exit $code; }; }
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A directory as a reader has it: the programs in .venv, the data in .fixative."""
    home = tmp_path_factory.mktemp("home")
    (home / ".venv").mkdir()
    (home / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    return home


@pytest.fixture(scope="module")
def system(home):
    """The system that the pages speak of, with something of each kind."""
    running = System(home / ".fixative", "--no-flower", FIXATIVE_ALLOWED_WEBHOOK_HOSTS="*")
    running.configure(latency={"*": {"start": 0.05, "run": 0.2}}, creates_per_minute=60_000)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def known(system, home):
    """What stands in the place of what the pages made up."""
    job_id = system.submit()
    system.ended(job_id)
    failed = [system.submit(prompt="a", _error="no paint") for _ in range(2)]
    system.all_ended(failed)
    one = {"model": "emulator/echo", "input": {"prompt": "one of a batch"}}
    batch = system.api.post("/jobs/batch", json={"jobs": [one]}).raise_for_status().json()
    archive = Path(system.run["output_dir"]) / "daily" / "2026-06-01.jsonl.gz"
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(b"".join(compressed([])))
    (home / "outputs").symlink_to(system.run["output_dir"])
    return {
        r"https?://(127\.0\.0\.1:8000|fixative\.example(\.com)?)": system.run["api_url"],
        r"--batch [0-9a-f-]{36}": f"--batch {batch['batch_id']}",
        r"/jobs/ID/retry": f"/jobs/{failed[0]}/retry",
        r"jobs retry 019[0-9a-f-]{33}": f"jobs retry {failed[1]} --pay-again",
        r"\b019[0-9a-f-]{33}\b|(?<=timeline )ID\b": job_id,
        r'"modelId": "flux-schnell"': '"modelId": "black-forest-labs/flux-schnell"',
        r"curl -N": "curl -N --max-time 3",
        r"daily/2026-08-07": f"daily/{datetime.now(UTC):%Y-%m-%d}",
        r"f0b82a5e\*": f"{job_id[:8]}*",
        r"r8_…": "r8_ofareader",
    }


def run(script, home, **environ):
    shutil.rmtree(home / "pictures", ignore_errors=True)  # of another page
    path = f"{home / '.venv' / 'bin'}:{os.environ['PATH']}"
    ours = {key: os.environ[key] for key in ("HOME", "LANG") if key in os.environ}
    done = subprocess.run(
        ["bash", "-c", BEGIN + script],
        check=False,
        cwd=home,
        env={**ours, "PATH": path, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def as_here(text, known):
    for made_up, real in known.items():
        text = re.sub(made_up, real, text)
    return text


@pytest.mark.parametrize(
    "page",
    [
        str(path.relative_to(ROOT))
        for path in PAGES
        if commands_of(path) and str(path.relative_to(ROOT)) not in OTHERS
    ],
)
def test_the_commands_of_a_page_do_what_it_says(page, system, known, home):
    key = system.api.post("/admin/keys", json={"owner": "reader"}).json()
    here = known | {
        r"fx_AbCdEfGh": key["key"][:11],
        r"Idempotency-Key: ": f"Idempotency-Key: {page} ",  # each page is a system of its own
    }
    script = as_here(commands_of(ROOT / page), here)
    admin = system.run["admin_key"]
    job_id = system.submit()
    environ = {"URL": system.run["api_url"], "ID": job_id, "KEY": admin}
    run(script, home, **environ, FIXATIVE_ADMIN_KEY=admin, REPLICATE_API_TOKEN=admin)


def test_the_first_page_leads_to_a_picture_and_to_one_by_a_real_model(system, known, home):
    """The local Replicate stands in Replicate's place."""
    replicate = system.run["replicate_url"]
    real = System(
        home / ".fixative-real",
        "--no-flower",
        REPLICATE_API_TOKEN="r8_ofareader",
        REPLICATE_BASE_URL=replicate,
        FIXATIVE_ALLOWED_OUTPUT_HOSTS=replicate,
    )
    try:
        told = run(as_here(commands_of(ROOT / "docs/start.md"), known), home)
        jobs = real.api.get("/jobs").json()["items"]
    finally:
        real.stop()

    assert all(list((home / where).iterdir()) for where in ("pictures", "real-pictures"))
    assert system.run["admin_key"] in told
    assert [job["status"] for job in jobs] == ["succeeded"]
