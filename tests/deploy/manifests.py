"""The overlays of deploy/kubernetes as Kustomize builds them, and what Kubernetes takes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())

# Of Kubernetes' own OpenAPI document (Apache-2.0), as the package kubernetes-validate 1.37.0 has it
# (v1.37.0-local-strict): the kinds that we use and what they are made of, descriptions left out.
SCHEMAS = json.loads(Path(__file__).with_name("kubernetes-1.37.json").read_text())

Manifest = dict[str, Any]


@cache
def built(overlay: str) -> tuple[Manifest, ...]:
    """Every object of the overlay."""
    kubectl = Path(sys.executable).with_name("kubectl")
    build = [kubectl, "kustomize", KUBERNETES / "overlays" / overlay]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr  # of what is deprecated
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, kind: str) -> dict[str, Manifest]:
    """Its objects of this kind, by name."""
    return {m["metadata"]["name"]: m for m in built(overlay) if m["kind"] == kind}


def pods(overlay: str) -> dict[str, Manifest]:
    """The pods that its deployments and jobs make, by the name of those."""
    makers = of_kind(overlay, "Deployment") | of_kind(overlay, "Job")
    return {name: maker["spec"]["template"] for name, maker in makers.items()}


def containers(overlay: str) -> Iterator[tuple[str, Manifest]]:
    """Every container, with the name of whose pod it is in; those that come first too."""
    for name, pod in pods(overlay).items():
        for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
            yield name, container


def problems(manifest: Manifest) -> list[str]:
    """What Kubernetes' schema of its kind has against it."""
    kind = {"group": "", "version": manifest["apiVersion"], "kind": manifest["kind"]}
    if "/" in kind["version"]:
        kind["group"], kind["version"] = kind["version"].split("/")
    names = [
        name
        for name, schema in SCHEMAS["$defs"].items()
        if kind in schema.get("x-kubernetes-group-version-kind", ())
    ]
    assert len(names) == 1, kind
    validator = Draft202012Validator({**SCHEMAS, "$ref": f"#/$defs/{names[0]}"})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(manifest)]


def selects(selector: dict[str, str], pod: Manifest) -> bool:
    """Whether these labels are the pod's."""
    return selector.items() <= pod["metadata"]["labels"].items()
