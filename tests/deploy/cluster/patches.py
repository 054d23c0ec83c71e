"""What a patch makes of an object: those that kubectl sends here, and what is in them.

Anything else is refused, so that nothing is lost unseen.
"""

import copy
from collections.abc import Iterator
from functools import reduce
from typing import Any

from tests.deploy.cluster.refused import Refused
from tests.deploy.manifests import SCHEMAS, Manifest


def patched(kept: Manifest, content_type: str, patch: Any, schema: Any) -> Manifest:
    """The object after it."""
    match content_type:
        case "application/strategic-merge-patch+json":
            return _merged(kept, patch, schema)
        case "application/merge-patch+json":
            return _merged(kept, patch, {})
        case "application/json-patch+json":
            return _replaced(kept, patch)
    raise Refused(415, "UnsupportedMediaType", content_type)


def _merged(kept: Manifest, patch: Manifest, schema: Any) -> Manifest:
    """What is given is merged, null takes away; the schema says which lists are merged too."""
    result = dict(kept)
    for name, change in patch.items():
        part = _resolved(schema.get("properties", {}).get(name, {}))
        if name.startswith("$setElementOrder/"):
            continue  # what is merged by a key has no order that counts here
        if name.startswith("$"):
            raise Refused(400, "BadRequest", f"{name} is not known here")
        if change is None:
            result.pop(name, None)
        elif isinstance(change, dict):
            result[name] = _merged(result.get(name) or {}, change, part)
        elif "merge" in part.get("x-kubernetes-patch-strategy", ""):
            result[name] = list(_merged_list(result.get(name) or [], change, part))
        else:
            result[name] = change
    return result


def _merged_list(kept: list[Manifest], changes: list[Manifest], schema: Any) -> Iterator[Manifest]:
    key = schema["x-kubernetes-patch-merge-key"]
    changed = {change[key]: change for change in changes}
    for item in kept:
        change = changed.pop(item[key], {})
        if change.get("$patch") != "delete":
            yield _merged(item, change, _resolved(schema["items"]))
    yield from changed.values()


def _replaced(kept: Manifest, operations: list[dict[str, Any]]) -> Manifest:
    result = copy.deepcopy(kept)
    for operation in operations:
        if operation["op"] != "replace":
            raise Refused(400, "BadRequest", f"{operation['op']} is not known here")
        *above, last = operation["path"].split("/")[1:]
        reduce(lambda part, name: part[name], above, result)[last] = operation["value"]
    return result


def _resolved(schema: Any) -> Any:
    """With what a reference in it names."""
    named = schema.get("$ref", "").removeprefix("#/$defs/")
    return SCHEMAS["$defs"].get(named, {}) | schema
