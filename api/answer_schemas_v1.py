"""What answers in Replicate's own shapes look like (its OpenAPI file)."""

from typing import Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from api.answer_schemas import FILE_URL, JOB_ID, Answer

PREDICTION_ID = "01k8y1wpvxfgx9y01d3sn4q33g"  # of the example job
ADDRESS = f"https://fixative.example/v1/predictions/{PREDICTION_ID}"
EXAMPLE: dict[str, Any] = {
    "id": PREDICTION_ID,
    "model": "black-forest-labs/flux-schnell",
    "version": "hidden",
    "input": {"prompt": "a lighthouse in fog"},
    "logs": "",
    "output": [FILE_URL],
    "data_removed": False,
    "error": None,
    "source": "api",
    "status": "succeeded",
    "created_at": "2026-01-01T12:00:00.120000Z",
    "started_at": "2026-01-01T12:00:00.402Z",
    "completed_at": "2026-01-01T12:00:01.513Z",
    "metrics": {"predict_time": 1.1},
    "urls": {
        "get": ADDRESS,
        "cancel": f"{ADDRESS}/cancel",
        "stream": f"{ADDRESS}/stream?sig=9TjCbVq2yYJpQ0cHq1m0Yw",
        "web": f"https://fixative.example/ui/jobs/{JOB_ID}",
    },
}
EXAMPLE_PAGE: dict[str, Any] = {"next": None, "previous": None, "results": [EXAMPLE]}


class InvalidField(Answer):
    """One place of a request that does not fit."""

    type: str
    field: str
    description: str


class ReplicateProblem(Answer):
    """Every error under /v1, in Replicate's shape; `invalid_fields` with 422."""

    title: str | None = Field(None, description="Not with 404")
    detail: str
    status: int
    invalid_fields: list[InvalidField] | None = None
    retry_after: int | None = Field(None, description="Seconds, with 429")


class PredictionUrls(Answer):
    """Where it is asked about, and looked at."""

    get: str
    cancel: str
    stream: str = Field(description="Server-Sent Events, without a key")
    web: str


class Prediction(Answer):
    """A job as Replicate shows a prediction; what is not known yet is absent."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    id: str
    model: str
    version: str
    deployment: str | None = None
    input: dict[str, Any]
    logs: str
    output: Any
    data_removed: bool
    error: str | None
    source: Literal["api", "web"] | None = Field(None, description="Not of one just made")
    status: Literal["starting", "processing", "succeeded", "failed", "canceled"]
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None
    deadline: AwareDatetime | None = Field(None, description="With Cancel-After")
    metrics: dict[str, Any] | None = None
    webhook: str | None = None
    urls: PredictionUrls


class PredictionPage(Answer):
    """A hundred predictions, newest first."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_PAGE})

    next: str | None = Field(description="Where older ones are")
    previous: str | None = Field(description="Where newer ones are")
    results: list[Prediction]
