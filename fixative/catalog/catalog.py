"""The catalogue: a request for a model made ready, before anything is written or paid for."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import orjson

from fixative.catalog.cost import worst_case
from fixative.catalog.entry import PART, Entry, live_name
from fixative.catalog.live import LiveModel, LiveModels
from fixative.catalog.registry import Registry
from fixative.catalog.terms import Terms
from fixative.errors import InvalidInput, InvalidRequest, Misfit, NotFound
from fixative.telemetry.metrics import INPUTS


@dataclass(frozen=True)
class Prepared:
    """What will be asked of Replicate for a request, and on what terms."""

    model: str | None
    version: str | None
    deployment: str | None
    input: dict[str, Any]
    kind: str | None  # of a model of the registry
    terms: Terms


@dataclass(frozen=True)
class Catalog:
    """The registry's models, and Replicate's word on any."""

    registry: Registry
    live: LiveModels
    unknown: Literal["allow", "refuse"]
    max_run_seconds: int  # of models that name none

    def prepare(
        self,
        model: str | None,
        version: str | None,
        deployment: str | None,
        input_: dict[str, Any],
    ) -> Prepared:
        """The request with names resolved and defaults in, its input checked.

        Raises NotFound where there is no such model, and InvalidInput, which names every place of
        the input that does not fit. While Replicate does not answer nothing is checked.
        """
        entry = self.registry.find(model, version, deployment)
        if entry is None:
            self._stranger(model, version, deployment)
            target, misfits = {"model": model, "version": version, "deployment": deployment}, []
        else:
            target, misfits = _target(entry, version), _restricted(entry, input_)
            input_ = {**entry.defaults, **input_}
        live = self._live(target["model"], target["version"])
        if live is not None and live.check is not None:
            misfits += live.check.misfits(input_)
        if misfits:
            INPUTS.labels("refused").inc()
            raise InvalidInput(misfits)
        INPUTS.labels("checked" if live and live.check else "unchecked").inc()
        return Prepared(
            **target,
            input=input_,
            kind=entry.kind if entry else None,
            terms=self._terms(entry, input_, cache_key(live, target["version"], input_)),
        )

    def look(self, name: str) -> tuple[Entry, LiveModel | None]:
        """A model of the registry, or any public one, with what Replicate says of it if it answers.

        Raises NotFound: of a private one of the account nothing is told.
        """
        entry = self.registry.named(name)
        if entry is not None:
            return entry, self.live.find(*entry.live_name) if entry.live_name else None
        known = re.fullmatch(f"{PART}/{PART}", name) and self.unknown == "allow"
        live = self.live.find(name) if known else None
        if live is None or not live.is_public:
            raise NotFound(f"no model {name}")
        return Entry(id=name, model=name), live

    def terms(self, name: str, input_: dict[str, Any]) -> Terms:
        """On what terms a job of this model would be accepted with this input, as far as it is."""
        entry = self.registry.named(name)
        return self._terms(entry, {**(entry.defaults if entry else {}), **input_}, None)

    def _stranger(self, model: str | None, version: str | None, deployment: str | None) -> None:
        if self.unknown == "refuse":
            raise NotFound(f"no model {model or version or deployment} here")
        if model is not None and "/" not in model:
            raise InvalidRequest("model", "neither owner/name nor a model of the registry")

    def _terms(self, entry: Entry | None, input_: dict[str, Any], key: str | None) -> Terms:
        if entry is None:
            return Terms(cache_key=key)
        seconds = entry.max_seconds or self.max_run_seconds
        return Terms(
            price=entry.price,
            max_cost=worst_case(entry.price, entry.max_cost, seconds, input_),
            max_seconds=entry.max_seconds,
            cache_key=key,
        )

    def _live(self, model: str | None, version: str | None) -> LiveModel | None:
        name = live_name(model, version)
        return None if name is None else self.live.find(*name)


def cache_key(live: LiveModel | None, version: str | None, input_: dict[str, Any]) -> str | None:
    """`VERSION:HASH`, the same for the same version and input; None where another run may differ.

    That is without a seed, and where the version is not known.
    """
    known = version[-64:] if version else live and live.version
    seed = input_.get("seed")
    if known is None or not isinstance(seed, int) or isinstance(seed, bool):
        return None
    canonical = orjson.dumps(input_, option=orjson.OPT_SORT_KEYS)
    return f"{known}:{sha256(canonical).hexdigest()}"


def _target(entry: Entry, version: str | None) -> dict[str, str | None]:
    """The entry's target; a version asked for, where the entry pins none."""
    if version is not None and entry.version is None:
        return {"model": None, "version": version, "deployment": None}
    return entry.target


def _restricted(entry: Entry, input_: dict[str, Any]) -> list[Misfit]:
    if entry.parameters is None:
        return []
    foreign = [name for name in input_ if name not in entry.parameters]
    return [Misfit(("input", name), "is not to be set here", "extra_forbidden") for name in foreign]
