"""What runs at the forge runs what was looked at, and may do no more than it needs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.wide

WORKFLOWS = sorted((Path(__file__).parents[2] / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"^\s*- uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
MAY_WRITE = {  # which jobs, and what
    ("release", "index"): {"id-token"},
    ("release", "image"): {"packages"},
    ("release", "release"): {"contents"},
}
DEPENDENCIES = ("pip-audit ", "cyclonedx-py ")


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def workflow(path):
    return yaml.safe_load(path.read_text())


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_there_are_workflows():
    assert {path.stem for path in WORKFLOWS} == {"ci", "release"}


def test_it_is_as_the_forge_reads_it(path):
    check = Path(sys.executable).with_name("check-jsonschema")
    command = [check, "--builtin-schema", "vendor.github-workflows", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_action_is_pinned_by_its_commit_and_says_its_version(path, workflow):
    uses = [line for line in path.read_text().splitlines() if "uses:" in line]
    assert len(uses) == sum("uses" in step for step in steps(workflow))
    assert [line for line in uses if not PINNED.match(line)] == []


def test_an_action_has_one_commit_wherever_it_is_used():
    used = {u for path in WORKFLOWS for u in re.findall(r"uses: (\S+)", path.read_text())}
    assert len({action.partition("@")[0] for action in used}) == len(used)


def test_every_job_has_an_end_and_its_own_permissions_and_the_workflow_none(path, workflow):
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 90, name
        writes = {what for what, how in job["permissions"].items() if how == "write"}
        assert writes == MAY_WRITE.get((path.stem, name), set()), name


def test_nothing_of_a_stranger_s_gets_a_secret_or_into_a_script(workflow):
    assert "pull_request_target" not in workflow[True]  # YAML's own reading of `on`
    for step in steps(workflow):
        assert "${{" not in step.get("run", "")
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}


def test_the_checks_say_what_is_known_against_what_we_depend_on_and_what_it_is():
    ci = next(path for path in WORKFLOWS if path.stem == "ci")
    told = [step.get("run", "") for step in steps(yaml.safe_load(ci.read_text()))]
    for tool in DEPENDENCIES:
        assert any(run.startswith(tool) for run in told), tool
