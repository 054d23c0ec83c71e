"""The page's commands for a cluster, run by kubectl; what it asks keeps objects and checks them."""

import json
import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import pytest

from tests.deploy.cluster.server import cluster
from tests.deploy.manifests import KUBERNETES, ROOT, built, containers, of_kind
from tests.doc_blocks import blocks_of

pytestmark = pytest.mark.wide

PAGE = ROOT / "docs" / "deployment.md"
NAMESPACE = "fixative-prod"
CONTAINER_ENV = "/spec/template/spec/containers/0/env/-"
# In the place of the image's own: it tells what it was given.
FIXATIVE = """#!/bin/sh
echo "$FIXATIVE_API_URL $FIXATIVE_API_KEY $@"
exit {code}
"""


def block_with(words):
    (text,) = [b.text for b in blocks_of(PAGE) if b.language == "bash" and words in b.text]
    return text


MAKE_SECRET = block_with("create secret")
LABEL = block_with("kubectl label")
DEPLOY = block_with("kubectl apply -k")
SMOKE = block_with("kubectl -n fixative-prod exec")


def secrets():
    """A value for each key that the page says is needed: long, or with what a shell would read."""
    (needed,) = re.findall(r"^ *\| (`.+`) \| needed", PAGE.read_text(), re.MULTILINE)
    return {key: f"{key}=$HOME&'\"{'x' * 200}" for key in re.findall(r"`(\w+)`", needed)}


class Place:
    """A directory with the overlays and the Secret's file, and a cluster that kubectl finds."""

    def __init__(self, directory, served):
        self.objects, self.commands = served.objects, served.commands
        self._directory = directory
        self.overlay = directory / "deploy/kubernetes/overlays/prod/kustomization.yaml"
        shutil.copytree(KUBERNETES, directory / "deploy" / "kubernetes")
        lines = [f"{key}={value}\n" for key, value in secrets().items()]
        (directory / "prod.secret.env").write_text("".join(lines))
        self.smoke_ends_with(0)

    def run(self, commands):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        home = {"HOME": str(self._directory), "KUBECONFIG": str(self._directory / "kubeconfig")}
        return subprocess.run(
            ["bash", "-eu", "-c", commands],
            cwd=self._directory,
            env={"PATH": path, **home},
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, commands):
        """What kubectl told, which found nothing amiss."""
        ran = self.run(commands)
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout

    def take(self, version):
        """As `kustomize edit set image` does."""
        text = self.overlay.read_text()
        self.overlay.write_text(re.sub("newTag: .+", f"newTag: {version}", text))

    def patch(self, target, path, value):
        """Let the overlay add this to what it is made of."""
        operation = json.dumps([{"op": "add", "path": path, "value": value}])
        patches = f"\npatches:\n  - {{target: {target}, patch: '{operation}'}}"
        self.overlay.write_text(self.overlay.read_text().replace("\npatches:", patches))

    def smoke_ends_with(self, code):
        program = self._directory / "programs" / "fixative"
        program.parent.mkdir(exist_ok=True)
        program.write_text(FIXATIVE.format(code=code))
        program.chmod(0o755)

    def one(self, kind, name):
        return self.objects.get(kind, NAMESPACE, name)

    def pods(self):
        return {pod["metadata"]["uid"] for pod in self.objects.of_kind("Pod", NAMESPACE)}

    def versions(self):
        """Of what runs."""
        return {
            container["image"].rpartition(":")[2]
            for pod in self.objects.of_kind("Pod", NAMESPACE)
            for container in pod["spec"]["containers"]
        }


@pytest.fixture
def place(tmp_path):
    with cluster(tmp_path / "programs", tmp_path / "kubeconfig") as served:
        yield Place(tmp_path, served)


@pytest.fixture
def deployed(place):
    place.take("first")
    place.done(MAKE_SECRET)
    place.done(DEPLOY)
    return place


@pytest.fixture
def deployed_twice(deployed):
    deployed.take("second")
    deployed.done(DEPLOY)
    return deployed


def test_the_secret_is_what_the_file_has_and_all_that_a_container_needs(place):
    place.done(MAKE_SECRET)

    data = place.one("Secret", "fixative")["data"]
    assert {key: b64decode(value).decode() for key, value in data.items()} == secrets()
    assert data.keys() == {
        reference["key"]
        for _, container in containers("prod")
        for variable in container.get("env", ())
        if (reference := variable.get("valueFrom", {}).get("secretKeyRef"))
        and not reference.get("optional")
    }


def test_who_is_let_in_are_the_namespaces_that_were_labelled(place):
    def let_in(policy):
        sources = [source for rule in policy["spec"]["ingress"] for source in rule["from"]]
        return {
            namespace["metadata"]["name"]
            for namespace in place.objects.of_kind("Namespace")
            for source in sources
            if selects(source["namespaceSelector"], namespace["metadata"].get("labels", {}))
        }

    for name in ("ingress", "monitoring", "another"):
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        place.objects.create("", manifest)
    policies = of_kind("prod", "NetworkPolicy")
    assert let_in(policies["to-api"]) | let_in(policies["to-counts"]) == set()

    place.done(LABEL)

    assert let_in(policies["to-api"]) == {"ingress", "monitoring"}
    assert let_in(policies["to-counts"]) == {"monitoring"}


def test_every_object_is_there_as_it_was_built_and_nothing_else(place):
    place.done(MAKE_SECRET)
    place.done(DEPLOY)

    for kind in {manifest["kind"] for manifest in built("prod")}:
        kept = {each["metadata"]["name"]: each for each in place.objects.of_kind(kind)}
        assert kept.keys() == of_kind("prod", kind).keys()
        for name, manifest in of_kind("prod", kind).items():
            has, wanted = kept[name]["metadata"], manifest["metadata"]
            assert has.get("namespace", NAMESPACE) == NAMESPACE
            assert has.get("labels") == wanted.get("labels")
            assert kept[name] == kept[name] | manifest | {"metadata": has}


def test_what_kubernetes_would_not_take_is_refused(place):
    place.done(MAKE_SECRET)
    place.patch("{kind: Service}", "/spec/prots", [])

    ran = place.run(DEPLOY)

    assert ran.returncode != 0
    assert "'prots' was unexpected" in ran.stderr


def test_a_deploy_waits_for_the_migration_and_then_for_every_role(place):
    place.done(MAKE_SECRET)

    told = place.done(DEPLOY)

    (condition,) = place.one("Job", "migrate")["status"]["conditions"]
    assert condition["type"] == "Complete"  # which it is not before somebody waits for it
    _, waited, rolled_out = told.partition("job.batch/migrate condition met\n")
    assert waited
    assert re.findall('"(.+)" successfully', rolled_out) == [*of_kind("prod", "Deployment")]


def test_the_next_version_takes_the_place_of_every_pod_and_migrates_anew(deployed):
    assert deployed.versions() == {"first"}
    before = deployed.one("Job", "migrate")["metadata"]["uid"]
    deployed.take("second")

    deployed.done(DEPLOY)

    assert deployed.versions() == {"second"}
    assert deployed.one("Job", "migrate")["metadata"]["uid"] != before


def test_the_next_version_is_refused_while_the_job_of_the_one_before_is_there(deployed):
    deployed.take("second")

    ran = deployed.run(DEPLOY.replace("delete job migrate", "get job migrate"))

    assert ran.returncode != 0
    assert "field is immutable" in ran.stderr


def test_a_restart_is_one_of_every_pod(deployed):
    (restart,) = re.findall("`(kubectl.+ rollout restart .+?)`", PAGE.read_text())
    before = deployed.pods()

    deployed.done(restart)

    assert len(deployed.pods()) == len(before)
    assert not deployed.pods() & before


def test_the_smoke_test_is_run_in_a_pod_of_the_api_and_has_the_key_of_the_pod(deployed_twice):
    told = deployed_twice.done(SMOKE)

    (doctor,) = re.findall(r"fixative doctor[^']+", SMOKE)
    given = "FIXATIVE_API_URL=http://127.0.0.1:8000 FIXATIVE_API_KEY=$FIXATIVE_ADMIN_KEY"
    assert deployed_twice.commands == [["sh", "-c", f"{given} {doctor}"]]
    key, arguments = secrets()["FIXATIVE_ADMIN_KEY"], doctor.removeprefix("fixative ")
    assert told == f"http://127.0.0.1:8000 {key} {arguments}\n"
    assert deployed_twice.versions() == {"second"}


def test_a_version_that_fails_the_smoke_test_gives_way_to_the_one_before(deployed_twice):
    deployed_twice.smoke_ends_with(1)

    ran = deployed_twice.run(SMOKE)

    assert ran.returncode == 1
    assert "command terminated with exit code 1" in ran.stderr
    assert deployed_twice.versions() == {"first"}


def test_what_a_version_alone_had_goes_once_it_was_applied_after_the_way_back(place):
    def deploy(version, had):
        place.overlay.write_text(had)
        place.take(version)
        place.done(DEPLOY)

    def variables():
        (container,) = place.one("Deployment", "beat")["spec"]["template"]["spec"]["containers"]
        return {variable["name"] for variable in container["env"]}

    place.done(MAKE_SECRET)
    without = place.overlay.read_text()
    place.patch("{kind: Deployment, name: beat}", CONTAINER_ENV, {"name": "OLD", "value": "1"})
    having = place.overlay.read_text()
    deploy("first", having)
    deploy("second", without)
    place.smoke_ends_with(1)
    place.run(SMOKE)
    assert "OLD" in variables()

    deploy("first", having)
    deploy("third", without)

    assert "OLD" not in variables()


def selects(selector, labels):
    """Whether a selector means who has these labels."""
    for wanted in selector.get("matchExpressions", ()):
        assert wanted["operator"] == "In"
        if labels.get(wanted["key"]) not in wanted["values"]:
            return False
    return selector.get("matchLabels", {}).items() <= labels.items()
