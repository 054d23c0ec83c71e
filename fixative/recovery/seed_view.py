"""A synced job in the fields of "Optimal Schema v2.0"; docs/seed-schema.md has the rules in words.

What is not a column of ours is derived: what a product knows of its own (the character, the LoRA)
stands in the job's metadata or in the model's input, under one of the names that are tried in turn.
"""

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
    return {
        "job_id": str(job.id),
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "status": job.status,
        "job_type": job.job_type,
        "user_prompt": _found(job, PROMPT),
        "character_id": _found(job, CHARACTER_ID),
        "character_name": _found(job, CHARACTER_NAME),
        "character_trigger_word": _found(job, TRIGGER_WORD),
        "lora_model_url": _found(job, LORA_URL),
        "prediction_id": attempt.prediction_id if attempt else None,
        "prediction_status": attempt.prediction_status if attempt else None,
        "prediction_created_at": told.get("created_at"),
        "prediction_started_at": told.get("started_at"),
        "prediction_completed_at": told.get("completed_at"),
        "input_params": job.input,
        "model_info": _model_info(told.get("model") or job.model, told.get("version")),
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


def _found(job: Job, names: tuple[str, ...]) -> str | None:
    """The first text under one of these names: in the metadata, then in the input."""
    places = (job.metadata_ or {}, job.input)
    values = (place.get(name) for place in places for name in names)
    return next((value for value in values if isinstance(value, str) and value), None)


def _model_info(model: str | None, version: str | None) -> dict[str, Any]:
    owner, _, name = (model or "").partition("/")
    return {"owner": owner or None, "name": name or None, "version": version}


def _error_details(error: dict[str, Any]) -> dict[str, Any] | None:
    if not error:
        return None
    return {"category": error["code"], **{k: error.get(k) for k in ("retryable", "details")}}
