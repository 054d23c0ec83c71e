"""Which models and deployments there are at the moment, and how the API finds them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from replicate_emulator.model_list import DEPLOYMENTS, MODELS
from replicate_emulator.models import Model


class Catalog:
    """Finds models and deployments by the names and versions the API knows them by."""

    def __init__(self) -> None:
        self._made: dict[str, Model] = {}
        self.deployments = {item.full_name: item for item in DEPLOYMENTS}
        self.change({})

    def change(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Be as the setting `models` says. What the account has made stays."""
        changed = [_changed(model, changes.get(model.full_name, {})) for model in MODELS]
        self.models = {model.full_name: model for model in changed} | self._made
        self._versions = {model.version: model for model in (*MODELS, *changed)}
        for name, item in self.deployments.items():
            self.deployments[name] = replace(item, model=self.models[item.model.full_name])

    def public(self) -> list[Model]:
        """The models everybody sees."""
        return [model for model in self.models.values() if model.visibility == "public"]

    def search(self, text: str) -> list[Model]:
        """The public models that have all words of the text in their name or description."""
        words = text.lower().split()
        return [
            model
            for model in self.public()
            if all(word in f"{model.full_name} {model.description}".lower() for word in words)
        ]

    def is_made(self, model: Model) -> bool:
        """Whether the account has made it, and may change it."""
        return model.full_name in self._made

    def keep(self, model: Model) -> None:
        """Take in a model the account has made, or made otherwise."""
        self._made[model.full_name] = self.models[model.full_name] = model

    def drop(self, model: Model) -> None:
        """Forget a model the account has made."""
        del self._made[model.full_name], self.models[model.full_name]

    def by_version(self, reference: str) -> Model | None:
        """The model that POST /v1/predictions means by `version`, or None when it means none.

        An `owner/name` alone is enough for official models only; any other needs its version, as
        `owner/name:version` or bare.
        """
        name, _, version = reference.rpartition(":")
        if name:
            model = self.models.get(name)
            return model if model and model.has_version and model.version == version else None
        if "/" in reference:
            model = self.models.get(reference)
            return model if model and model.official else None
        return self._versions.get(reference)


def _changed(model: Model, change: Mapping[str, Any]) -> Model:
    inputs = {**model.inputs, **change.get("inputs", {})}
    return replace(
        model,
        inputs={name: schema for name, schema in inputs.items() if schema is not None},
        required=tuple(change.get("required", model.required)),
        counts=tuple(change.get("counts", model.counts)),
        wraps=change.get("wraps", model.wraps),
        visibility=change.get("visibility", model.visibility),
        release=change.get("release", model.release),
    )
