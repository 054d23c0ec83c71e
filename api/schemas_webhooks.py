"""What Replicate sends of a prediction."""

from typing import Any

from pydantic import Field

from api.schemas import Parameters
from fixative.replicate.prediction import ENDED, RUNNING

OURS = "as our own address has it: shown, and trusted for nothing"


class WebhookQuery(Parameters):
    """What we put into the address that Replicate calls."""

    job: str | None = Field(None, description=f"The job's id, {OURS}")
    attempt: str | None = Field(None, description=f"The attempt's id, {OURS}")


class WebhookHeaders(Parameters):
    """The headers by which Standard Webhooks signs; 401 without any of them."""

    webhook_id: str | None = Field(None, alias="webhook-id", description="The delivery's id")
    webhook_timestamp: str | None = Field(
        None, alias="webhook-timestamp", description="Unix seconds, at most 300 from ours"
    )
    webhook_signature: str | None = Field(
        None, alias="webhook-signature", description="`v1,` and the signature in base64"
    )


PREDICTION: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "description": "A prediction, as Replicate shows it",
                "required": ["id", "status", "created_at"],
                "properties": {
                    "id": {"type": "string", "pattern": "^[A-Za-z0-9]+$"},
                    "status": {"type": "string", "enum": [*RUNNING, *ENDED]},
                    "created_at": {"type": "string", "format": "date-time"},
                },
            },
            "example": {
                "id": "q5wzgy5k6hrmc0cz8e7s3bqf0r",
                "model": "black-forest-labs/flux-schnell",
                "version": "hidden",
                "status": "succeeded",
                "input": {"prompt": "a lighthouse in fog"},
                "output": ["https://replicate.delivery/xezq/abc/out-0.webp"],
                "error": None,
                "logs": "",
                "metrics": {"predict_time": 1.1},
                "created_at": "2026-01-01T12:00:00.310Z",
                "started_at": "2026-01-01T12:00:00.402Z",
                "completed_at": "2026-01-01T12:00:01.513Z",
            },
        }
    },
}
