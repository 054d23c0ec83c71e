"""What the answers of recovery look like."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, RootModel

from api.answer_schemas import Answer

Mode = Literal["bootstrap", "regular"]
Results = list[dict[str, Any]]
Ended = Literal["complete", "partial", "failed"]
SYNC_ID = "019a3c1e-7777-7000-8000-000000000008"
OF_EACH = "What was created, updated or skipped, each with the fields of its job"


class Bootstrapped(Answer):
    """The end of a bootstrap."""

    message: str
    mode: Literal["bootstrap"]
    predictions_processed: int = Field(description="Predictions read, known or not")
    jobs_created: int
    bootstrap_results: Results = Field(description=OF_EACH)
    sync_id: UUID
    status: Ended = Field(description="`partial`: the next one goes on from where it stopped")
    error: str | None


class Synced(Answer):
    """The end of a regular sync."""

    message: str
    jobs_processed: int = Field(description="Jobs that the predictions belong to, changed or not")
    predictions_checked: int = Field(description="Predictions read, known or not")
    jobs_updated: int
    sync_results: Results = Field(description=OF_EACH)
    sync_id: UUID
    status: Ended = Field(description="`partial`: the next one goes on from where it stopped")
    error: str | None


class SyncEnded(RootModel[Bootstrapped | Synced]):
    """The end of a sync, by its mode."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "message": "Sync completed successfully",
                "jobs_processed": 120,
                "predictions_checked": 120,
                "jobs_updated": 0,
                "sync_results": [],
                "sync_id": SYNC_ID,
                "status": "complete",
                "error": None,
            }
        }
    )


class SyncUnderWay(Answer):
    """The sync goes on; `GET /syncs/ID` tells how it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"message": "Sync is under way", "sync_id": SYNC_ID, "status": "running"}
        }
    )

    message: str
    sync_id: UUID
    status: Literal["running"]


class Sync(Answer):
    """A sync as it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": SYNC_ID,
                "mode": "bootstrap",
                "status": "running",
                "since": None,
                "until": None,
                "max_predictions": 2000,
                "walk_back_to": None,
                "pages": 3,
                "predictions_checked": 300,
                "jobs_processed": 300,
                "jobs_created": 12,
                "jobs_updated": 0,
                "skipped": 0,
                "cursor": "https://api.replicate.com/v1/predictions?cursor=cD0yMDI2",
                "error": None,
                "started_at": "2026-01-01T12:00:00.000000Z",
                "finished_at": None,
                "results": [],
            }
        }
    )

    id: UUID
    mode: Mode
    status: Literal["running", "complete", "partial", "failed"]
    since: AwareDatetime | None
    until: AwareDatetime | None
    max_predictions: int | None
    walk_back_to: AwareDatetime | None = Field(description="Where it stops; null: at the beginning")
    pages: int
    predictions_checked: int
    jobs_processed: int
    jobs_created: int
    jobs_updated: int
    skipped: int
    cursor: str | None = Field(description="The page to be read next")
    error: str | None
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    results: Results = Field(description=OF_EACH)
