"""Entries of the registry, in our own shape and in that of the document it began with.

Ours is `{"models": {ID: entry}}`. The other is `{KIND: {ID: {"version", "pricing",
"estimatedTime", "supportedParams"}}}`, its price that of a run.
"""

import re
from typing import Annotated, Any, Self

import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from fixative.catalog.price import Dollars, Price
from fixative.errors import WrongSetting

PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
VERSION = rf"^({PART}/{PART}:)?[0-9a-f]{{64}}$"
OwnerAndName = Annotated[str, Field(max_length=255, pattern=rf"^{PART}/{PART}$")]
Version = Annotated[str, Field(max_length=320, pattern=VERSION)]
ModelName = Annotated[str, Field(max_length=255, pattern=rf"^{PART}(/{PART})?$")]
Kind = Annotated[str, Field(max_length=64, pattern=rf"^{PART}$")]
Seconds = Annotated[float, Field(gt=0)]


class Strict(BaseModel):
    """Base of what is configured: a typo is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Entry(Strict):
    """A model as it is offered here. Without a target its id is one, and run at its latest."""

    id: str = ""  # its key in the document
    kind: Kind = "other"  # a job's type, where the request names none
    model: OwnerAndName | None = None
    version: Version | None = None
    deployment: OwnerAndName | None = None
    price: Price | None = None
    estimated_seconds: Seconds | None = None  # of a run
    max_seconds: Annotated[int, Field(ge=5)] | None = None  # of a run, sent as Cancel-After
    max_cost: Dollars | None = None  # of a run, where the price alone does not bound it
    parameters: list[str] | None = None  # those a request may name; None: all
    defaults: dict[str, Any] = Field(default_factory=dict)  # of what the request does not name
    aliases: list[ModelName] = Field(default_factory=list)

    @property
    def target(self) -> dict[str, str | None]:
        """What a job of this entry is asked of: one of the three is set."""
        return {name: getattr(self, name) for name in ("model", "version", "deployment")}

    @property
    def live_name(self) -> tuple[str, str | None] | None:
        """The model and pinned version by which Replicate knows its schema, if we know them."""
        return live_name(self.model, self.version)


class _Ours(Strict):
    models: dict[ModelName, Entry]

    @field_validator("models")
    @classmethod
    def _each_with_one_target(cls, models: dict[str, Entry]) -> dict[str, Entry]:
        return {name: _named(name, entry) for name, entry in models.items()}

    @model_validator(mode="after")
    def _each_name_once(self) -> Self:
        names = [name for key, entry in self.models.items() for name in (key, *entry.aliases)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two models are called {', '.join(twice)}")
        return self


class _FromTheDocument(Strict):
    version: Annotated[str, Field(max_length=320, pattern=rf"{VERSION}|^{PART}/{PART}$")]
    pricing: Dollars | None = None
    estimatedTime: Seconds | None = None  # noqa: N815 - the document's own name
    supportedParams: list[str] | None = None  # noqa: N815

    def entry(self, kind: str) -> dict[str, Any]:
        """The same in our shape."""
        pinned = re.fullmatch(VERSION, self.version) is not None
        return {
            "kind": kind,
            "version" if pinned else "model": self.version,
            "price": None if self.pricing is None else {"per_run": self.pricing},
            "estimated_seconds": self.estimatedTime,
            "parameters": self.supportedParams,
        }


_KINDS = TypeAdapter(dict[Kind, dict[ModelName, _FromTheDocument]])


def read_entries(text: str) -> list[Entry]:
    """The entries of a JSON text, in its order.

    Raises WrongSetting with one line that names every place that is wrong.
    """
    try:
        document = orjson.loads(text)
        if isinstance(document, dict) and "models" not in document:
            document = _in_our_shape(document)
        return list(_Ours.model_validate(document).models.values())
    except ValidationError as error:
        raise WrongSetting("; ".join(map(_problem, error.errors()))) from None
    except ValueError as error:
        raise WrongSetting(f"not JSON: {error}") from None


def live_name(model: str | None, version: str | None) -> tuple[str, str | None] | None:
    """The owner/name and pinned version that these words of a target mean; None: not known."""
    if version is None:
        return None if model is None else (model, None)
    name, _, pinned = version.rpartition(":")
    return (name, pinned) if name else None


def _named(name: str, entry: Entry) -> Entry:
    targets = [target for target in entry.target.values() if target is not None]
    if not targets and "/" in name:
        return entry.model_copy(update={"id": name, "model": name})
    if len(targets) != 1:
        raise ValueError(f"{name}: exactly one of model, version, deployment")
    return entry.model_copy(update={"id": name})


def _in_our_shape(document: dict[str, Any]) -> dict[str, Any]:
    kinds = _KINDS.validate_python(document)
    names = [name for models in kinds.values() for name in models]
    if len(names) != len(set(names)):
        raise WrongSetting("two models have the same name")
    return {
        "models": {
            name: model.entry(kind)
            for kind, models in kinds.items()
            for name, model in models.items()
        }
    }


def _problem(error: Any) -> str:
    place = ".".join(map(str, error["loc"]))
    said = error["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
