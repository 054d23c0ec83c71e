"""A model: what it takes, what it makes, how long that lasts and what it costs."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from replicate_emulator import times

Schema = dict[str, Any]
# When all that exists from the start was made.
MADE_AT = times.read("2026-01-05T09:30:00.25Z")


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the catalogue.

    `inputs` are the properties of its Input schema. `make` gives an output for an input and a
    prediction's id. `output` is the schema of that output. Times are seconds, the price is dollars
    for a second of running. `counts` are metrics beside the times, `wraps` puts its output into an
    object, `release` tells its versions apart: 0 is none yet. `links` are URLs about it.
    """

    owner: str
    name: str
    description: str
    inputs: Mapping[str, Schema]
    required: tuple[str, ...]
    make: Callable[[Mapping[str, Any], str], Any]
    output: Schema
    official: bool = False
    start_seconds: float = 0.2
    run_seconds: float = 1.0
    dollars_per_second: float = 0.001
    streams: bool = False
    fails_with: str | None = None
    counts: tuple[str, ...] = ()
    wraps: bool = False
    visibility: str = "public"
    release: int = 1
    links: Mapping[str, str] = field(default_factory=dict)
    readme: str | None = None

    @property
    def full_name(self) -> str:
        """Its `owner/name`."""
        return f"{self.owner}/{self.name}"

    @property
    def has_version(self) -> bool:
        """Whether there is anything of it to run."""
        return self.release > 0

    @property
    def version(self) -> str:
        """The id of its one version: 64 hexadecimal digits."""
        released = self.full_name if self.release == 1 else f"{self.full_name} {self.release}"
        return hashlib.sha256(released.encode()).hexdigest()

    @property
    def shown_version(self) -> str:
        """What predictions say: Replicate hides the versions of official models."""
        return "hidden" if self.official else self.version

    def error_for(self, values: Mapping[str, Any]) -> str | None:
        """The error that a run of it is bound to end with, its own or by `_fail` or `_error`."""
        asked = values.get("_error") or ("Something went wrong" if values.get("_fail") else "")
        return str(asked) if asked else self.fails_with

    def input_schema(self) -> Schema:
        """What its input must be."""
        properties = {
            key: {"title": key.replace("_", " ").title(), "x-order": place, **schema}
            for place, (key, schema) in enumerate(self.inputs.items())
        }
        wanted: Schema = {"required": list(self.required)} if self.required else {}
        return {"type": "object", "title": "Input", **wanted, "properties": properties}

    def openapi_schema(self) -> Schema:
        """Its interface, in the form Cog publishes."""
        return {
            "openapi": "3.0.2",
            "info": {"title": "Cog", "version": "0.1.0"},
            "paths": {},
            "components": {
                "schemas": {
                    "Input": self.input_schema(),
                    "Output": {"title": "Output", **self.output},
                }
            },
        }


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model kept ready under a name of the account's own; every change is another release."""

    owner: str
    name: str
    model: Model
    hardware: str = "gpu-t4"
    min_instances: int = 0
    max_instances: int = 1
    number: int = 1
    created: int = MADE_AT

    @property
    def full_name(self) -> str:
        """Its `owner/name`."""
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Collection:
    """Models that do the same kind of thing, by their `owner/name`."""

    slug: str
    name: str
    description: str
    models: tuple[str, ...]
