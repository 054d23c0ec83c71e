"""A synced job in the fields of "Optimal Schema v2.0"; docs/seed-schema.md has the rules in words.

What is not a column of ours is derived: what a product knows of its own (the character, the LoRA)
stands in metadata or in the model's input, under one of the names that are tried in turn.
"""

from collections.abc import Iterable
from typing import Any

from fixative.postgres.tables import Attempt, Job

PROMPT = ("user_prompt", "prompt", "text", "caption")
CHARACTER_ID = ("character_id",)
CHARACTER_NAME = ("character_name", "character")
TRIGGER_WORD = ("character_trigger_word", "trigger_word")
LORA_URL = ("lora_model_url", "lora_url", "hf_lora", "lora_weights", "replicate_weights", "lora")


def seed_view(job: Job, attempt: Attempt | None) -> dict[str, Any]:
    """The job and what Replicate told of its prediction. Nothing is left out: unknown is null."""
    told = (attempt.prediction if attempt else None) or {}
    error = job.error or {}
    model, version = told.get("model") or job.model, told.get("version") or job.version
    places = (job.metadata_, told.get("metadata"), job.input)
    return {
        "job_id": str(job.id),
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "status": job.status,
        "job_type": job.job_type,
        "user_prompt": _found(places, PROMPT),
        "character_id": _found(places, CHARACTER_ID),
        "character_name": _found(places, CHARACTER_NAME),
        "character_trigger_word": _found(places, TRIGGER_WORD),
        "lora_model_url": _found(places, LORA_URL),
        "prediction_id": attempt.prediction_id if attempt else None,
        "prediction_status": attempt.prediction_status if attempt else None,
        "prediction_created_at": told.get("created_at"),
        "prediction_started_at": told.get("started_at"),
        "prediction_completed_at": told.get("completed_at"),
        "input_params": job.input,
        "model_info": _model_info(model, version),
        "execution_logs": told.get("logs"),
        "metrics": told.get("metrics"),
        "urls": told.get("urls"),
        "output_data": told.get("output"),
        "error_message": error.get("message"),
        "error_details": _error_details(error),
        "data_removed": bool(told.get("data_removed")),
        "source": told.get("source"),
        "deployment": told.get("deployment") or job.deployment,
    }


def _found(places: Iterable[Any], names: tuple[str, ...]) -> str | None:
    """The first text or whole number under one of these names, place by place."""
    objects = (place for place in places if isinstance(place, dict))
    values = (place.get(name) for place in objects for name in names)
    return next((str(v) for v in values if type(v) is int or (isinstance(v, str) and v)), None)


def _model_info(model: Any, version: Any) -> dict[str, Any]:
    owner, _, name = str(model or "").partition("/")
    return {"owner": owner or None, "name": name or None, "version": version}


def _error_details(error: dict[str, Any]) -> dict[str, Any] | None:
    if not error:
        return None
    return {"category": error["code"], **{k: error.get(k) for k in ("retryable", "details")}}
