"""The commands of the documents that need a place of their own, run as they are written there."""

import os
import re
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import httpx
import psycopg
import pytest

from fixative.local.ports import kept_ports
from fixative.settings import load_settings
from tests.databases import POSTGRES_PROGRAMS
from tests.doc_blocks import ROOT, blocks_of
from tests.system.conftest import OURS, System
from tests.waiting import waited_for

pytestmark = pytest.mark.timeout(240)

PROGRAMS = (Path(sys.executable).parent, POSTGRES_PROGRAMS)
PATIENCE = 120


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    running = System(tmp_path_factory.mktemp("placed") / ".fixative", "--no-flower")
    try:
        yield running
    finally:
        running.stop()


def block_with(page, words):
    blocks = [block for block in blocks_of(ROOT / page) if block.language == "bash"]
    (text,) = [block.text for block in blocks if words in block.text]
    return text


def put(text, **known):
    """The text with what is known in the place of what the page made up."""
    for made_up, real in known.items():
        assert made_up in text
        text = text.replace(made_up, str(real))
    return text


def of_secrets(words, directory):
    """A block of the page of secrets, whose files lie in this directory."""
    return put(block_with("docs/secrets.md", words), **{"/run/secrets": directory})


def environ_with(*, first="", **environ):
    path = ":".join(map(str, [first, *PROGRAMS, os.environ["PATH"]]))
    clean = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
    return {**clean, "PATH": path, **environ}


def run(text, home, answers="", **environ):
    """Without a terminal: who asks for a password reads it from `answers`."""
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", text],
        check=False,
        cwd=home,
        env=environ_with(**environ),
        input=answers,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        start_new_session=True,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


STARTS = [
    (page, block.text)
    for page in ("README.md", "docs/start.md", "docs/telemetry.md")
    for block in blocks_of(ROOT / page)
    if block.language == "bash" and " up" in block.text
]


@pytest.fixture
def checkout(tmp_path):
    """A directory in which the system starts as in a checkout, but on any free port."""
    for path in ROOT.iterdir():
        if path.name not in {".fixative", ".git"}:
            (tmp_path / path.name).symlink_to(path)
    programs = tmp_path / "programs"
    programs.mkdir()
    started = programs / "fixative"
    started.write_text(f'#!/bin/sh\nexec {PROGRAMS[0]}/fixative "$@" --port 0 --no-flower\n')
    started.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(("page", "text"), STARTS)
def test_what_starts_the_system_starts_it_and_ends_it_when_told(page, text, system, checkout):
    own = checkout / "programs"
    real = {"REPLICATE_BASE_URL": system.run["replicate_url"]} if "r8_" in text else {}
    with subprocess.Popen(
        ["bash", "-c", text.replace(".venv/bin/fixative", f"{own}/fixative")],
        cwd=checkout,
        # As no part of the make that runs the tests, which would say where it is.
        env=environ_with(first=own, MAKEFLAGS=f"BIN={own}", MAKELEVEL="0", **real),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            ready = process.stdout.readline()
            url = re.match(r"ready (\S+)", ready).group(1)
            ask = partial(httpx.get, f"{url}/readyz", timeout=PATIENCE)
            waited_for(lambda: ask().json()["status"] == "ok", pause=0.5)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=PATIENCE)

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/readyz")


def test_the_smoke_test_of_a_deploy_does_a_job(system):
    block = block_with("docs/deployment.md", "flux-schnell\n")

    told = run(block, system.data_dir.parent)

    assert "✓ Smoke" in told


def test_a_load_of_ones_own_is_done_and_told(system):
    block = block_with("docs/endurance.md", "make load")
    url, key = system.run["api_url"], system.run["admin_key"]
    text = put(block, **{"https://fixative.example.com": url, "fx_…": key})

    told = run(text, ROOT, SECONDS="3")

    assert re.search(r": [1-9]\d* handed in, 0 errors.* 0 not well, 0 still open", told), told


def test_prometheus_scrapes_us_by_the_sample_of_its_configuration(system, tmp_path):
    if not shutil.which("prometheus"):
        pytest.skip("no prometheus here: apt-get install prometheus")
    shutil.copytree(ROOT / "deploy/prometheus", tmp_path / "deploy/prometheus")
    sample = tmp_path / "deploy/prometheus/prometheus.yml"
    address = system.run["api_url"].removeprefix("http://")
    here = {"127.0.0.1:8000": address, "scrape_interval: 15s": "scrape_interval: 1s"}
    sample.write_text(put(sample.read_text(), **here))
    block = block_with("docs/monitoring.md", "prometheus").rstrip()
    port = kept_ports(tmp_path, ("prometheus",))["prometheus"]

    def targets():
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/targets").raise_for_status()
        except httpx.HTTPError:  # it says 503 while it begins
            return None
        active = answer.json()["data"]
        return [each["health"] for each in active["activeTargets"]] == ["up"]

    command = f"exec {block} --web.listen-address=127.0.0.1:{port}"
    with subprocess.Popen(["bash", "-c", command], cwd=tmp_path, stderr=subprocess.DEVNULL) as it:
        try:
            waited_for(targets, pause=0.2)
            groups = httpx.get(f"http://127.0.0.1:{port}/api/v1/rules").json()["data"]["groups"]
        finally:
            it.terminate()

    assert groups


def test_what_the_page_writes_to_a_file_is_the_secret_from_then_on(environ, tmp_path):
    files = {
        "REPLICATE_API_TOKEN": (tmp_path / "token", "r8_old"),
        "REPLICATE_WEBHOOK_SECRET": (tmp_path / "webhook", "whsec_OLD"),
        "DATABASE_URL": (
            tmp_path / "database_url",
            "postgresql://fixative:OLD@db.example/fixative",
        ),
    }
    for path, old in files.values():
        path.write_text(old)
    others = {name: value for name, value in environ.items() if name not in files}
    in_files = {f"{name}_FILE": str(path) for name, (path, _) in files.items()}
    settings = load_settings(others | in_files)

    def is_now(secret, value):
        waited_for(lambda: secret.get_secret_value().split() == value, pause=0.1)

    run(of_secrets("printf %s r8_…", tmp_path), tmp_path)
    is_now(settings.replicate_api_token, ["r8_…"])
    beside, alone = of_secrets("whsec_NEW", tmp_path).splitlines()
    run(beside, tmp_path)
    is_now(settings.replicate_webhook_secret, ["whsec_NEW", "whsec_OLD"])
    run(alone, tmp_path)
    is_now(settings.replicate_webhook_secret, ["whsec_NEW"])


def test_the_password_of_postgres_is_changed_without_being_shown(unused_database_url, tmp_path):
    place = unused_database_url.rpartition("@")[2]
    file = tmp_path / "database_url"
    made_up = {"fixative:NEW": "rotated:NEW", "password fixative": "password rotated"}
    made_up |= {"db.example:5432/fixative?sslmode=verify-full": place}
    with psycopg.connect(unused_database_url, autocommit=True) as administrator:
        administrator.execute("CREATE ROLE rotated LOGIN PASSWORD 'old'")
        try:
            old = f"postgresql://rotated:old@{place}"
            run(
                put(of_secrets("psql", tmp_path), **made_up),
                tmp_path,
                "NEW\nNEW\n",
                DATABASE_URL=old,
            )
            with psycopg.connect(file.read_text()) as connection:
                (who,) = connection.execute("SELECT current_user").fetchone()
        finally:
            administrator.execute("DROP ROLE rotated")

    assert who == "rotated"


def test_the_roles_of_postgres_are_made_by_the_page(unused_database_url, environ):
    text = block_with("docs/security.md", "roles.sql")
    place = unused_database_url.rpartition("@")[2]
    text = put(text, **{"…@…/fixative": f"SECRET@{place}"})

    run(text, ROOT, "SECRET\n" * 6, **environ, ADMIN_URL=unused_database_url)

    with psycopg.connect(f"postgresql://fixative_app:SECRET@{place}") as connection:
        connection.execute("SELECT FROM jobs")


def test_a_release_is_kept_by_the_commands_of_the_page(tmp_path):
    home = tmp_path / "checkout"
    git = {
        f"GIT_{who}_{what}": "a@example.com"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    run(
        f"git clone --quiet {ROOT} {home}; cd {home}; git tag v1.2.3; echo >> pyproject.toml",
        tmp_path,
    )

    run(block_with("docs/deployment.md", "keep-release"), home, **git)

    changed = run("git show --name-only --format=%s", home)
    assert changed.split("\n\n") == [
        "The release to run beside is 1.2.3",
        "tests/upgrade/previous.tar.xz\n",
    ]
