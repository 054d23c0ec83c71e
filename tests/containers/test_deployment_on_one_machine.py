"""The commands of the deployment's guide for one machine, run as they stand by a real engine.

What their images are made of is from here (base.py); the compose file and ours are as they are.
"""

import json
import re
import secrets
import shlex
import subprocess

import pytest

from tests.containers.base import INIT, ROOT, make_images, wheels_served
from tests.containers.engine import REGISTRY, engine_of_ones_own, why_none
from tests.doc_blocks import blocks_of
from tests.waiting import waited_for

pytestmark = [
    pytest.mark.wide,
    pytest.mark.skipif(why_none() is not None, reason=why_none() or "there is one"),
    pytest.mark.timeout(900),  # the first one makes Debian and all images
]

PAGE = ROOT / "docs/deployment.md"
BLOCKS = [block.text for block in blocks_of(PAGE) if block.language in {"bash", "sh"}]
OURS = ("api", "beat", "emulator", "flower", "worker-derive", "worker-io", "worker-store")
SERVERS = ("backup", "caddy", "postgres", "seaweedfs", "valkey")
SITE = "localhost"  # for which Caddy asks nobody for a certificate
MODEL = "black-forest-labs/flux-schnell"
REGISTRY_CONFIG = """
version: 0.1
storage: {filesystem: {rootdirectory: REGISTRY}}
http: {addr: 127.0.0.1:80}
"""


def block_with(words):
    (text,) = [text for text in BLOCKS if words in text]
    return text


@pytest.fixture(scope="module")
def engine():
    with engine_of_ones_own() as engine, wheels_served(engine):
        make_images(engine)
        yield engine


@pytest.fixture(scope="module")
def checkout(engine):
    """The project's files, new ones too, as whoever deploys it has them."""
    directory = engine.directory / "fixative"
    directory.mkdir()
    listed = "git ls-files -z --cached --others --exclude-standard"
    copied = (
        f"{listed} | tar --null --files-from - --create | tar --directory {directory} --extract"
    )
    subprocess.run(["bash", "-euc", copied], cwd=ROOT, check=True)
    return directory


@pytest.fixture
def registry(engine):
    """What the engine takes for any registry; it has the image that ours is built from."""
    config = engine.directory / "registry.yml"
    config.write_text(REGISTRY_CONFIG.replace("REGISTRY", str(engine.directory / "registry")))
    process = subprocess.Popen(
        engine.command("docker-registry", "serve", config),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    base = f"{REGISTRY}/library/python:3.11-slim"
    try:
        engine.run(
            f"docker tag python:3.11-slim {base}; until docker push {base}; do sleep 1; done"
        )
        yield
    finally:
        process.terminate()
        process.wait(30)


def test_an_image_is_built_and_pushed_by_hand(engine, checkout, registry):
    engine.run(block_with("docker push"), checkout)

    pushed = re.search(r"docker push (\S+)", block_with("docker push")).group(1)
    engine.run(f"docker image rm {pushed} && docker pull {pushed}")
    assert "fixative" in engine.run(f"docker run --rm --network none {pushed} fixative --version")


@pytest.fixture
def journal(engine, checkout):
    """What runs a command on a machine with systemd, where the project's files are."""
    may = "--cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
    sees = f"--tmpfs /run --volume /sys/fs/cgroup:/sys/fs/cgroup --volume {checkout}:/fixative:ro"
    started = f"docker run --detach --network none {may} {sees} --workdir /fixative"
    container = engine.run(f"{started} --cgroupns host {INIT} /lib/systemd/systemd").strip()
    yield lambda script: engine.run(f"docker exec {container} bash -euc {shlex.quote(script)}")
    engine.run(f"docker rm --force {container}")


def test_the_journal_is_told_to_keep_for_thirty_days(journal):
    state = "systemctl is-active systemd-journald || :"
    waited_for(lambda: journal(state) == "active\n", pause=1)

    journal(block_with("systemctl restart systemd-journald"))

    assert "MaxRetentionSec=30day" in journal("systemd-analyze cat-config systemd/journald.conf")
    said = journal("journalctl --no-pager --unit systemd-journald")
    assert "max 20.0G" in said
    assert "fixative.conf" not in said  # named where a line of it is not understood


@pytest.fixture(scope="module")
def machine(engine, checkout):
    """All containers of production, with the local Replicate; they go in the end."""
    told = {
        "COMPOSE_PROFILES": "production,local",
        "FIXATIVE_SITE": SITE,
        "FIXATIVE_PUBLIC_URL": f"https://{SITE}",
        "FIXATIVE_TRUSTED_PROXIES": "1",
        "FIXATIVE_IP_PER_MINUTE": "600",
        "LOG_DRIVER": "local",  # there is no journal here
        "REPLICATE_API_TOKEN": "r8_local",
        "REPLICATE_BASE_URL": "http://emulator:9100",
        "FIXATIVE_ALLOWED_OUTPUT_HOSTS": "http://emulator:9100",
    }
    (secret_names,) = re.findall(r"\| (.*) \| each its own", PAGE.read_text())
    told |= {name: secrets.token_hex(24) for name in re.findall(r"`([A-Z_]+)`", secret_names)}
    engine.run(block_with("cp .env.example"), checkout)
    with (checkout / ".env").open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in told.items())
    try:
        yield Machine(engine, checkout, told["FIXATIVE_ADMIN_KEY"])
    finally:
        engine.run("docker-compose down --volumes --timeout 5", checkout)


class Machine:
    """The machine on which the guide's commands are given."""

    def __init__(self, engine, checkout, admin_key):
        self._engine = engine
        self._checkout = checkout
        self._admin_key = admin_key

    def run(self, script):
        return self._engine.run(script, self._checkout, FIXATIVE_ADMIN_KEY=self._admin_key)

    def healthy(self):
        """The services that are."""
        shown = self.run("docker ps --filter health=healthy --format '{{.Names}}'")
        return {line.split("_")[1] for line in shown.split()}

    def jobs(self):
        auth = '-H "Authorization: Bearer $FIXATIVE_ADMIN_KEY"'
        found = self.run(f"curl -fsS http://127.0.0.1:8000/jobs {auth}")
        return {job["id"]: job["status"] for job in json.loads(found)["items"]}

    def api(self, command):
        """A command of ours, run in the container of the API."""
        where = "FIXATIVE_API_URL=http://127.0.0.1:8000 FIXATIVE_API_KEY=$FIXATIVE_ADMIN_KEY"
        return self.run(f"docker-compose exec -T api sh -c '{where} {command}'")


def test_what_the_guide_starts_becomes_healthy_and_a_job_is_done(machine):
    machine.run(block_with("docker-compose ps"))
    waited_for(lambda: machine.healthy() == {*OURS, *SERVERS}, patience=240, pause=1)
    assert "Exit 0" in machine.run("docker-compose ps migrate")

    made = machine.run(block_with("127.0.0.1:8000/admin/keys"))
    assert json.loads(made)["owner"] == "shop"
    smoke = block_with("smoke=").splitlines()[0]
    (on_compose,) = re.findall(r"With Compose \(`(.+?)`\)", PAGE.read_text())
    assert "✓ Smoke" in machine.run(f"{smoke}\n{on_compose}")


def test_the_world_sees_the_api_by_tls_and_no_more(machine):
    def status(path):
        return machine.run(f"curl -sk -o /dev/null -w '%{{http_code}}' https://{SITE}{path}")

    assert waited_for(lambda: status("/healthz") == "200", pause=1)
    assert status("/jobs") == "401"
    assert [status("/admin/keys"), status("/metrics")] == ["404", "404"]


@pytest.mark.parametrize("service", [*OURS, *SERVERS])
def test_no_container_is_roots_or_has_a_capability_or_writes_to_its_image(machine, service):
    seen = "id -u; grep CapBnd /proc/self/status; touch /usr/written 2>&1 || echo refused"
    uid, bounding, refusal, *_ = machine.run(
        f"docker-compose exec -T {service} sh -c '{seen}'"
    ).splitlines()
    assert int(uid) > 0
    assert int(bounding.split()[1], 16) == 0
    assert "Read-only file system" in refusal


def test_the_first_backup_becomes_the_database_again_and_no_job_is_lost(machine):
    machine.api(f"fixative submit {MODEL} prompt=lighthouse --wait")
    before = machine.jobs()
    assert before
    listed = machine.run(block_with("docker-compose exec backup ls"))
    (dump, *_) = re.findall(r"fixative-\w+\.dump", listed)

    restore = block_with("/backup/restore.sh")
    assert "fixative-TIME.dump" in restore
    machine.run(restore.replace("fixative-TIME.dump", dump))

    waited_for(lambda: "api" in machine.healthy(), patience=120, pause=1)
    assert machine.jobs() == before
