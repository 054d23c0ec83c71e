"""What the answers to an operator look like: pauses, and how the system stands."""

from typing import Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from api.answer_schemas import Answer

EXAMPLE_PAUSE: dict[str, Any] = {
    "scope": "model:black-forest-labs/flux-schnell",
    "model": "black-forest-labs/flux-schnell",
    "owner": None,
    "created_at": "2026-01-01T12:00:00.000000Z",
}


class PauseItem(Answer):
    """What is held back; no model: of all models, no owner: of all owners."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_PAUSE})

    scope: str = Field(description="`all`, or `model:M`, `owner:O`, both with a space between")
    model: str | None
    owner: str | None
    created_at: AwareDatetime


class Resumed(Answer):
    """How many pauses were lifted."""

    model_config = ConfigDict(json_schema_extra={"example": {"resumed": 1}})

    resumed: int


class PacePart(Answer):
    """Calls a minute, as set, and as Replicate told us to keep to for now."""

    per_minute: float
    learned_per_minute: float | None


class PaceParts(Answer):
    """The pace by kind of call; null while Redis is away."""

    creates: PacePart | None
    reads: PacePart | None


class Breaker(Answer):
    """Whether creates are held, why and until when; afterwards one goes out to test."""

    closed_reason: str | None
    closed_until: AwareDatetime | None
    failures: int = Field(description="In a row")


class WorkerItem(Answer):
    """A worker process: when it was last seen, and what it heard of its own queue."""

    name: str
    pid: int
    started_at: AwareDatetime
    seen_at: AwareDatetime
    canary_sent_at: AwareDatetime | None
    canary_heard_at: AwareDatetime | None


class State(Answer):
    """How the system stands; what Redis would tell is null while it is away."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "pace": {
                    "creates": {"per_minute": 600, "learned_per_minute": 60},
                    "reads": {"per_minute": 3000, "learned_per_minute": None},
                },
                "breaker": {"closed_reason": None, "closed_until": None, "failures": 0},
                "queues": {"submit": 0, "complete": 2, "store": 1},
                "workers": [
                    {
                        "name": "worker-io@fixative-1",
                        "pid": 4242,
                        "started_at": "2026-01-01T09:00:00.000000Z",
                        "seen_at": "2026-01-01T12:00:00.000000Z",
                        "canary_sent_at": "2026-01-01T11:59:50.000000Z",
                        "canary_heard_at": "2026-01-01T11:59:50.100000Z",
                    }
                ],
                "pauses": [EXAMPLE_PAUSE],
                "needs_review": 0,
                "oldest_unrecorded_seconds": 0.4,
            }
        }
    )

    pace: PaceParts
    breaker: Breaker | None
    queues: dict[str, int] | None = Field(description="Messages waiting, by queue")
    workers: list[WorkerItem]
    pauses: list[PauseItem]
    needs_review: int = Field(
        description="Jobs that wait for a person: for `POST /jobs/ID/settle`, or, where workers"
        " died of them, for their dead letter to be requeued"
    )
    oldest_unrecorded_seconds: float = Field(
        description="For how long the oldest accepted job waits for its record in OUTPUT_DIR"
    )


class Hinted(Answer):
    """The sweep was asked for."""

    model_config = ConfigDict(json_schema_extra={"example": {"hinted": True}})

    hinted: Literal[True]
