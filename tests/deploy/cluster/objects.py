"""The objects of a cluster, kept by Kubernetes' rules as far as anybody meets them here."""

import copy
from datetime import UTC, datetime
from uuid import uuid4

from tests.deploy.cluster.refused import Refused
from tests.deploy.manifests import Manifest, problems

# What nobody can change of an object's spec.
FIXED = {"Job": "template", "Deployment": "selector"}


class Objects:
    """Every object, and every change of one in its order.

    A resourceVersion is the number of changes until then.
    """

    def __init__(self) -> None:
        self.changes: list[tuple[str, Manifest]] = []
        self._kept: dict[tuple[str, str, str], Manifest] = {}

    def of_kind(self, kind: str, namespace: str = "") -> list[Manifest]:
        """Copies of all of a kind; of all namespaces if none is named."""
        return [
            copy.deepcopy(kept)
            for (its_kind, its_namespace, _), kept in self._kept.items()
            if its_kind == kind and namespace in {"", its_namespace}
        ]

    def get(self, kind: str, namespace: str, name: str) -> Manifest:
        """A copy of it."""
        if not (kept := self._kept.get((kind, namespace, name))):
            raise Refused(404, "NotFound", f'{kind} "{name}" not found')
        return copy.deepcopy(kept)

    def create(self, namespace: str, manifest: Manifest) -> Manifest:
        """The object as it was created."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        if namespace:
            self.get("Namespace", "", namespace)
        if (kind, namespace, name) in self._kept:
            raise Refused(409, "AlreadyExists", f'{kind} "{name}" already exists')
        given = {"uid": str(uuid4()), "creationTimestamp": now(), "generation": 1}
        if namespace:
            given["namespace"] = namespace
        return self._put("ADDED", manifest, given)

    def replace(self, manifest: Manifest) -> Manifest:
        """The object as it is from now on."""
        kind, metadata = manifest["kind"], manifest["metadata"]
        before = self.get(kind, metadata.get("namespace", ""), metadata["name"])
        was, shall = before.get("spec", {}), manifest.get("spec", {})
        fixed = FIXED.get(kind, "")
        if was.get(fixed) != shall.get(fixed):
            raise Refused(422, "Invalid", f"spec.{fixed}: field is immutable")
        generation = before["metadata"]["generation"] + (was != shall)
        return self._put("MODIFIED", manifest, {"generation": generation})

    def delete(self, kind: str, namespace: str, name: str) -> Manifest:
        """The object as it was."""
        gone = self.get(kind, namespace, name)
        del self._kept[kind, namespace, name]
        self.changes.append(("DELETED", gone))
        return gone

    def _put(self, change: str, manifest: Manifest, given: Manifest) -> Manifest:
        if found := problems(manifest):
            raise Refused(422, "Invalid", "; ".join(found))
        given["resourceVersion"] = str(len(self.changes) + 1)
        metadata = manifest["metadata"] | given
        kept = copy.deepcopy(manifest | {"metadata": metadata})
        self._kept[kept["kind"], metadata.get("namespace", ""), metadata["name"]] = kept
        self.changes.append((change, kept))
        return copy.deepcopy(kept)


def now() -> str:
    """As Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
