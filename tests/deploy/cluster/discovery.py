"""Which kinds there are and where, in Kubernetes' words: those that there is a schema of."""

from dataclasses import dataclass
from typing import Any

from tests.deploy.manifests import SCHEMAS, Manifest

WHOLE_CLUSTER = {"Namespace"}
SHORT = {"Deployment": ["deploy"]}
VERBS = ["create", "delete", "get", "list", "patch", "watch"]


@dataclass(frozen=True)
class Resource:
    """A kind, and under which name it is asked for."""

    group: str
    version: str
    kind: str

    @property
    def api(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def plural(self) -> str:
        name = self.kind.lower()
        if name.endswith("y"):
            return f"{name[:-1]}ies"
        return f"{name}es" if name.endswith("s") else f"{name}s"

    @property
    def namespaced(self) -> bool:
        return self.kind not in WHOLE_CLUSTER

    @property
    def path(self) -> str:
        """Where its version of its group lies."""
        return f"/apis/{self.api}" if self.group else f"/api/{self.api}"


SCHEMA_OF: dict[Resource, Any] = {
    Resource(**kind): schema
    for schema in SCHEMAS["$defs"].values()
    for kind in schema.get("x-kubernetes-group-version-kind", ())
}


def documents() -> dict[str, Manifest]:
    """What kubectl reads before it asks for anything, by path."""
    apis = {resource.api: resource.path for resource in SCHEMA_OF}
    grouped = [api.split("/") for api in apis if "/" in api]
    described = {path[1:]: {"serverRelativeURL": f"/openapi/v3{path}"} for path in apis.values()}
    found: dict[str, Manifest] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "groups": [_group(*names) for names in grouped]},
        "/openapi/v3": {"paths": described},
    }
    for api, path in apis.items():
        resources = [resource for resource in SCHEMA_OF if resource.api == api]
        named = [_named(resource) for resource in resources]
        found[path] = {"kind": "APIResourceList", "groupVersion": api, "resources": named}
        found[f"/openapi/v3{path}"] = {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "v1.37.0"},
            "paths": {f"{path}/{resource.plural}": _validating(resource) for resource in resources},
        }
    return found


def _group(name: str, version: str) -> Manifest:
    at = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [at], "preferredVersion": at}


def _named(resource: Resource) -> Manifest:
    return {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "shortNames": SHORT.get(resource.kind, []),
        "kind": resource.kind,
        "namespaced": resource.namespaced,
        "verbs": VERBS,
    }


def _validating(resource: Resource) -> Manifest:
    """No more than that the server validates: kubectl then leaves it to that."""
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    patch = {
        "x-kubernetes-group-version-kind": kind,
        "parameters": [{"name": "fieldValidation", "in": "query"}],
        "responses": {},
    }
    return {"patch": patch}
