"""A later version that stores nothing is deployed, and the version before it comes back."""

import os
import shutil
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.system.following import creates, submit_mixed

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
PARTS = ("api", "fixative", "replicate_emulator", "worker", "beat_schedule.py", "celeryconfig.py")
BUG = """

@app.task(name=names.STORE_OUTPUTS)
def store_nothing(job_id: str) -> None:
    raise TypeError("a bug of this version")
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "later"
down_revision = "{head}"

def upgrade():
    op.add_column("jobs", sa.Column("of_a_later_version", sa.Text, nullable=True))
"""
JOBS = 100


@pytest.fixture
def later_version(tmp_path):
    """A copy of the code with one more migration, and with a bug; where it lies."""
    place = tmp_path / "later"
    for part in PARTS:
        copied = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        (place / part).parent.mkdir(exist_ok=True)
        copied(ROOT / part, place / part)
    storage = place / "worker" / "tasks" / "storage.py"
    bug = storage.read_text().replace("@app.task(name=names.STORE_OUTPUTS)\n", "", 1) + BUG
    storage.write_text(bug)
    migrations = place / "fixative" / "postgres" / "migrations"
    config = Config()
    config.set_main_option("script_location", str(migrations))
    head = ScriptDirectory.from_config(config).get_current_head()
    (migrations / "versions" / "later.py").write_text(MIGRATION.format(head=head))
    return place


def test_the_version_before_ends_what_the_wrong_one_gave_up_and_pays_for_nothing_again(
    start, follow, outside, replicate, later_version, eventually
):
    path = os.pathsep.join(filter(None, (str(later_version), os.environ.get("PYTHONPATH"))))
    slowly = {**outside, "FIXATIVE_CREATES_PER_MINUTE": "300"}  # so that some are still queued
    system = start("--no-flower", **slowly, PYTHONPATH=path)
    jobs = submit_mixed(system, range(JOBS))
    eventually(lambda: letters(system))
    assert {"storing", "queued"} <= {system.job(job_id)["status"] for job_id in jobs}

    done = follow(system, "wrong-deploy", slowly)

    system = done.system
    assert "TypeError: a bug of this" in done.told["fixative dead list"][0]
    ended = system.all_ended(jobs, patience=300)
    of_models = {job["model"] for job in ended if job["status"] != "succeeded"}
    assert of_models == {"emulator/fail"}
    assert letters(system) == []
    assert system.api.get("/admin/state").json()["needs_review"] == 0
    assert creates(replicate) == {1}
    print(f"{JOBS} jobs, of which some were queued: {done.seconds:.0f} s")


def letters(system):
    return system.api.get("/admin/dead-letters").json()["items"]
