"""What the answers about notifications look like."""

from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from api.answer_schemas import JOB_ID, OWNER_ID, Answer
from api.schemas_notifications import State


class Try(Answer):
    """One try of telling; `error` is null when it was taken."""

    at: AwareDatetime
    status: int | None
    error: str | None


class NotificationItem(Answer):
    """An event of a job, and how the telling of it went."""

    id: UUID
    job_id: UUID
    owner_id: UUID
    event: str
    url: str
    state: State
    at: AwareDatetime
    tries: int
    next_attempt_at: AwareDatetime | None
    delivered_at: AwareDatetime | None
    log: list[Try]


class NotificationPage(Answer):
    """Notifications, newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "id": "019a3c1e-6666-7000-8000-000000000007",
                        "job_id": JOB_ID,
                        "owner_id": OWNER_ID,
                        "event": "succeeded",
                        "url": "https://gallery.example/hooks",
                        "state": "delivered",
                        "at": "2026-01-01T12:00:02.040000Z",
                        "tries": 1,
                        "next_attempt_at": None,
                        "delivered_at": "2026-01-01T12:00:02.300000Z",
                        "log": [
                            {"at": "2026-01-01T12:00:02.300000Z", "status": 200, "error": None}
                        ],
                    }
                ],
                "next": None,
            }
        }
    )

    items: list[NotificationItem]
    next: str | None


class Replayed(Answer):
    """How many are told once more."""

    model_config = ConfigDict(json_schema_extra={"example": {"replayed": 3}})

    replayed: int


class Published(Answer):
    """What was published of the jobs that a filter found."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"looked_at": 100, "made": 97, "again": 1, "next": None}}
    )

    looked_at: int = Field(description="How many ended jobs")
    made: int = Field(description="Ends that nobody had been told of")
    again: int = Field(description="Ends that are told once more, each under its own id")
    next: str | None = Field(description="The `cursor` that goes on with the rest; null at the end")


class WebhookSecret(Answer):
    """The secret that signs what we tell, as Standard Webhooks' libraries take it."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"key": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"}}
    )

    key: str


class RotatedSecret(WebhookSecret):
    """The secret that signs from now on."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "key": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "old_until": "2026-08-08T12:00:00Z",
            }
        }
    )

    old_until: AwareDatetime = Field(description="Until then the one of before signs too")
