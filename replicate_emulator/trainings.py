"""A training: it starts and ends by the clock, and no model is the wiser for it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from replicate_emulator import times
from replicate_emulator.models import Model


@dataclass(slots=True)
class Training:
    """One training of a model; moments are nanoseconds, durations seconds."""

    id: str
    model: Model
    destination: str
    input: Mapping[str, Any]
    created: int
    start_seconds: float
    run_seconds: float
    canceled: int | None = None

    @property
    def start(self) -> int:
        """When it starts, if nobody cancels it before."""
        return self.created + int(self.start_seconds * times.SECOND)

    @property
    def end(self) -> int:
        """When it ends, of itself or canceled."""
        return self.canceled or self.start + int(self.run_seconds * times.SECOND)

    def cancel(self, now: int) -> None:
        """End it as canceled; one that has ended stays as it is."""
        if now < self.end:
            self.canceled = now

    def status(self, now: int) -> str:
        """How far it is."""
        if self.canceled:
            return "canceled"
        if now < self.end:
            return "starting" if now < self.start else "processing"
        return "failed" if self.model.error_for(self.input) else "succeeded"

    def as_json(self, now: int, public_url: str) -> dict[str, Any]:
        """The training now. What is not known yet is absent."""
        base = f"{public_url}/v1/trainings/{self.id}"
        status = self.status(now)
        body: dict[str, Any] = {
            "id": self.id,
            "model": self.model.full_name,
            "version": self.model.version,
            "input": self.input,
            "logs": "",
            "error": self.model.error_for(self.input) if status == "failed" else None,
            "status": status,
            "source": "api",
            "created_at": times.write(self.created),
            "urls": {
                "get": base,
                "cancel": f"{base}/cancel",
                "web": f"https://replicate.com/p/{self.id}",
            },
        }
        if self.start <= min(now, self.end):
            body["started_at"] = times.write(self.start)
        if now >= self.end:
            body["completed_at"] = times.write(self.end)
            body["metrics"] = {
                "predict_time": max(0, self.end - self.start) / times.SECOND,
                "total_time": (self.end - self.created) / times.SECOND,
            }
        if status == "succeeded":
            version = hashlib.sha256(self.id.encode()).hexdigest()
            body["output"] = {"version": f"{self.destination}:{version}"}
        return body
