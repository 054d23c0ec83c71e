"""docker-compose.yml is `fixative up` in containers: the same roles, commands and variables."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixative.local.data_dir import open_data_dir
from fixative.local.roles import System, emulator, programs_of
from fixative.local.servers import ROLES
from fixative.names import QUEUES, QUEUES_OF_ROLE
from fixative.settings import Settings

# Where a process listens and keeps its files is the machine's affair, not the role's.
PLACES = re.compile(
    r"(?:--bind|--host|--port|--data-dir|--public-url|--worker-tmp-dir) \S+|--(?:address|port)=\S+"
)


@pytest.fixture
def programs(tmp_path):
    """What `fixative up` runs, by role, the servers aside."""
    with open_data_dir(tmp_path / "data") as data_dir:
        system = System(
            data_dir=data_dir,
            environ={},
            ports={"api": 8000, "emulator": 9100, "flower": 5555},
            flower_password="secret",
            local_replicate=True,
            flower=True,
        )
        yield {program.role: program for program in (*programs_of(system), emulator(system))}


PRODUCTION = {"caddy", "backup"}  # what is beside the system where the profile is on


def test_the_services_are_the_roles_of_fixative_up_the_migration_and_those_of_production(
    compose, programs
):
    assert compose["services"].keys() == {*ROLES, *programs, "migrate", *PRODUCTION}
    for role in PRODUCTION:
        assert compose["services"][role]["profiles"] == ["production"]


def test_the_roles_are_those_of_the_contract(compose, wire_contract):
    roles = re.search(r"roles `(supervisor [^`]+)`", wire_contract)
    assert roles
    others = {"migrate", *PRODUCTION}
    assert set(roles[1].split()) == {*compose["services"], "supervisor"} - others


def test_a_service_runs_what_fixative_up_runs(compose, programs):
    for role, program in programs.items():
        _, _, *arguments = program.argv  # python -m
        assert _without_places(compose["services"][role]["command"]) == _without_places(arguments)


def test_every_queue_is_consumed_by_a_service(compose):
    consumed = {
        role: compose["services"][role]["command"][
            compose["services"][role]["command"].index("--queues") + 1
        ]
        for role in QUEUES_OF_ROLE
    }
    assert sorted(",".join(consumed.values()).split(",")) == sorted(QUEUES)


def test_our_services_are_given_every_variable_that_settings_have(compose, programs):
    variables = {name.upper() for name in Settings.model_fields} - {"FIXATIVE_DATA_DIR"}
    for role in {*programs, "migrate"} - {"emulator"}:
        assert variables <= compose["services"][role]["environment"].keys()


def test_nothing_is_published_but_tls_and_on_loopback_the_api_and_flower(compose):
    published = {role: s["ports"] for role, s in compose["services"].items() if "ports" in s}
    assert published == {
        "api": ["127.0.0.1:8000:8000"],
        "flower": ["127.0.0.1:5555:5555"],
        "caddy": ["80:8080", "443:8443", "443:8443/udp"],
    }


def test_no_container_is_root_has_capabilities_or_writes_to_its_image(compose, root):
    for role, service in compose["services"].items():
        assert service["read_only"], role
        assert service["cap_drop"] == ["ALL"], role
        assert "cap_add" not in service, role
        assert not service.get("privileged"), role
        assert "no-new-privileges:true" in service["security_opt"], role
        if "build" in service:  # as its image says
            users = re.findall(
                r"^USER (\S+)$",
                (root / service["build"] / "Dockerfile").read_text(),
                re.MULTILINE,
            )
            assert users, role
            assert users[-1].split(":")[0] not in {"0", "root"}, role
        else:
            assert service["user"] not in {"0", "root"}, role


def test_every_container_is_bounded_in_memory_processors_processes_and_logs(compose):
    for role, service in compose["services"].items():
        assert {"mem_limit", "cpus", "pids_limit"} <= service.keys(), role
        assert service["logging"] == {"driver": "${LOG_DRIVER:-local}"}, role


def test_a_worker_that_decodes_has_its_files_on_a_disk(compose):
    derive = compose["services"]["worker-derive"]
    assert f"scratch:{derive['environment']['TMPDIR']}" in derive["volumes"]


def test_every_service_that_stays_is_restarted_and_tells_its_health(compose):
    for role in compose["services"].keys() - {"migrate"}:
        assert compose["services"][role]["restart"] == "unless-stopped"
        assert "healthcheck" in compose["services"][role]


def test_it_is_as_the_compose_specification_says(root):
    check = Path(sys.executable).with_name("check-jsonschema")
    run = subprocess.run(
        [check, "--builtin-schema", "vendor.compose-spec", root / "docker-compose.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="no docker-compose here")
def test_docker_compose_can_parse_it_once_the_secrets_are_set(root):
    file = root / "docker-compose.yml"
    secrets = re.findall(r"\$\{(\w+):\?", file.read_text())
    profiles = ["--profile", "local", "--profile", "production"]
    run = subprocess.run(
        ["docker-compose", "--file", str(file), *profiles, "config", "--quiet"],
        env={**os.environ, **dict.fromkeys(secrets, "0123456789abcdef")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def _without_places(arguments):
    return " ".join(PLACES.sub("", " ".join(arguments)).split())
