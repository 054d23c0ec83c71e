"""What Kubernetes' own controllers would do, without anything that runs."""

import hashlib
import json

from tests.deploy.cluster.objects import Objects, now
from tests.deploy.manifests import Manifest

REVISION = "deployment.kubernetes.io/revision"


def end_jobs(objects: Objects) -> None:
    """All of them, well."""
    condition = {"type": "Complete", "status": "True", "lastTransitionTime": now()}
    for job in objects.of_kind("Job"):
        objects.replace(job | {"status": {"succeeded": 1, "conditions": [condition]}})


def roll_out(objects: Objects, deployment: Manifest) -> None:
    """Its pods become those of its template, and it tells that they are there."""
    pods_of = _newest(objects, deployment)
    count = pods_of["spec"]["replicas"]
    _replace_pods(objects, deployment, pods_of)
    revision = {REVISION: pods_of["metadata"]["annotations"][REVISION]}
    metadata = deployment["metadata"]
    annotations = metadata.get("annotations", {}) | revision
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    status = dict.fromkeys(counts, count) | {"observedGeneration": metadata["generation"]}
    shown = {"metadata": metadata | {"annotations": annotations}, "status": status}
    objects.replace(deployment | shown)


def _newest(objects: Objects, deployment: Manifest) -> Manifest:
    """The ReplicaSet of its template, an old one or a new one; from now on the latest revision.

    Those of other templates stay: from them `rollout undo` knows what was before.
    """
    template, metadata = deployment["spec"]["template"], deployment["metadata"]
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
    labels = template["metadata"]["labels"] | {"pod-template-hash": digest}
    made = _made("apps/v1", "ReplicaSet", f"{metadata['name']}-{digest}", deployment, labels)
    made["spec"] = {
        "replicas": deployment["spec"].get("replicas", 1),
        "selector": {"matchLabels": labels},
        "template": template | {"metadata": template["metadata"] | {"labels": labels}},
    }
    revisions = {
        each["metadata"]["name"]: int(each["metadata"]["annotations"][REVISION])
        for each in _owned(objects, "ReplicaSet", deployment)
    }
    name, latest = made["metadata"]["name"], max(revisions.values(), default=0)
    revision = latest if revisions.get(name) == latest else latest + 1
    made["metadata"]["annotations"] = {REVISION: str(revision)}
    if name not in revisions:
        return objects.create(metadata["namespace"], made)
    before = objects.get("ReplicaSet", metadata["namespace"], name)
    return objects.replace(made | {"metadata": before["metadata"] | made["metadata"]})


def _replace_pods(objects: Objects, deployment: Manifest, pods_of: Manifest) -> None:
    namespace, template = deployment["metadata"]["namespace"], pods_of["spec"]["template"]
    wanted = [f"{pods_of['metadata']['name']}-{n}" for n in range(pods_of["spec"]["replicas"])]
    present = [
        pod["metadata"]["name"]
        for replica_set in _owned(objects, "ReplicaSet", deployment)
        for pod in _owned(objects, "Pod", replica_set)
    ]
    for name in present:
        if name not in wanted:
            objects.delete("Pod", namespace, name)
    for name in wanted:
        if name not in present:
            pod = _made("v1", "Pod", name, pods_of, template["metadata"]["labels"])
            running = {"spec": template["spec"], "status": {"phase": "Running"}}
            objects.create(namespace, pod | running)


def _made(api: str, kind: str, name: str, owner: Manifest, labels: dict[str, str]) -> Manifest:
    by = {key: owner["metadata"][key] for key in ("name", "uid")}
    by |= {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": True}
    metadata = {"name": name, "labels": labels, "ownerReferences": [by]}
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def _owned(objects: Objects, kind: str, owner: Manifest) -> list[Manifest]:
    return [
        found
        for found in objects.of_kind(kind, owner["metadata"]["namespace"])
        if found["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"]
    ]
