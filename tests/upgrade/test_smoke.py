"""What a deploy waits for: one job from end to end, or the word that it was none."""

import json
from contextlib import ExitStack

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from fixative.cli.main import main
from fixative.postgres.tables import Job
from tests.upgrade.instances import WORKERS, instance

pytestmark = [pytest.mark.wide, pytest.mark.timeout(400)]

KNOWN = {"FIXATIVE_API_URL": "", "FIXATIVE_API_KEY": ""}


@pytest.fixture
def begin(environ, tmp_path):
    """Start some roles; they end with the test."""
    with ExitStack() as running:

        def begun(*roles, **more):
            begun_at = instance(tmp_path / "deployed", {**environ, **more}, *roles)
            return running.enter_context(begun_at)

        yield begun


@pytest.fixture
def smoke(environ):
    """Run `fixative doctor --smoke` against an instance, or none."""

    def run(*options, url=None, **more):
        at = {"FIXATIVE_API_URL": url, "FIXATIVE_API_KEY": environ["FIXATIVE_ADMIN_KEY"]}
        env = {**KNOWN, **environ, **(at if url else {}), **more}
        return CliRunner().invoke(main, ["doctor", "--smoke", *options], env=env)

    return run


def test_a_job_that_is_done_and_read_back_is_exit_code_0(begin, smoke, database):
    deployed = begin("api", *WORKERS, "beat", FIXATIVE_PUBLIC_URL="{api}")

    result = smoke(url=deployed.url, FIXATIVE_PUBLIC_URL=deployed.url)

    assert result.exit_code == 0, result.output
    *_, webhook, told = result.stdout.splitlines()
    assert webhook.startswith(("✓ Webhook", "– Webhook"))
    with database.begin() as session:
        [job] = session.scalars(select(Job))
    assert told.startswith(f"✓ Smoke      job {job.id} in ")
    assert "1 file(s)" in told
    assert job.label == "smoke"


def test_a_job_that_nobody_does_is_canceled_and_exit_code_1(begin, smoke, database):
    deployed = begin("api")

    result = smoke("--patience", "1", url=deployed.url)

    assert result.exit_code == 1
    assert "✗ Smoke" in result.stdout
    assert "still queued" in result.stdout
    with database.begin() as session:
        assert session.scalars(select(Job.status)).all() == ["canceled"]


def test_a_model_that_fails_is_exit_code_1(begin, smoke):
    deployed = begin("api", "worker-io", "beat", FIXATIVE_POLL_SECONDS="1")

    result = smoke("--model", "emulator/fail", "--input", json.dumps({}), url=deployed.url)

    assert result.exit_code == 1, result.output
    assert "failed: " in result.stdout
