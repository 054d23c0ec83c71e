"""A target: what a prediction is asked of, and how Replicate wants to be asked."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """A deployment, a version, or an official model; the first that is named counts."""

    model: str | None = None
    version: str | None = None
    deployment: str | None = None

    @property
    def path(self) -> str:
        """Where to POST (Replicate's OpenAPI file: three ways to create)."""
        if self.deployment:
            return f"/v1/deployments/{self.deployment}/predictions"
        if self.version:
            return "/v1/predictions"
        return f"/v1/models/{self.model}/predictions"

    @property
    def body(self) -> dict[str, Any]:
        """What the body says of the target, beside the input."""
        return {"version": self.version} if self.version and not self.deployment else {}
