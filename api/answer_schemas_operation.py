"""What the answers to an operator look like: pauses, and how the system stands."""

from typing import Literal

from pydantic import AwareDatetime, Field

from api.answer_schemas import Answer


class PauseItem(Answer):
    """What is held back; no model: of all models, no owner: of all owners."""

    scope: str = Field(examples=["model:black-forest-labs/flux-schnell owner:gallery"])
    model: str | None
    owner: str | None
    created_at: AwareDatetime


class Resumed(Answer):
    """How many pauses were lifted."""

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

    hinted: Literal[True]
