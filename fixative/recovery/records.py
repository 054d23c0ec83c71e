"""Records: what each is called, and what stands in it."""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from fixative.media.manifest import FORMAT, row_of
from fixative.media.outputs import put_at
from fixative.postgres.tables import Job

DAILY, LATEST, SUMMARY = "daily", "latest", "summary.json"
ARCHIVE = ".jsonl.gz"
UNKNOWN = "unknown"
TOLD_OF_MEDIA = ("name", "content_type", "bytes", "sha256")
# What a job's row says of what came after its acceptance.
LATER = (
    *("attempt_id", "error", "warnings", "submitted_at", "completed_at", "cancel_requested_at"),
    *("cost", "cost_basis", "told_waiting"),
)


def folder_of(day: date) -> str:
    """Where all records of a UTC day lie."""
    return f"{DAILY}/{day.isoformat()}"


def archive_of(day: date) -> str:
    """What the records of an old day are called, once they are one file."""
    return f"{folder_of(day)}{ARCHIVE}"


def day_of(instant: datetime) -> date:
    """The UTC day, by which records are filed."""
    return instant.astimezone(UTC).date()


def read_day(name: str) -> date | None:
    """The day that a folder or an archive is named after, if it is."""
    try:
        return date.fromisoformat(name.rpartition("/")[2].removesuffix(ARCHIVE))
    except ValueError:
        return None


def stem_of(name: str) -> str:
    """What a record is of: the id of a job, or of a prediction."""
    return name.rpartition("/")[2].removesuffix(".json")


def accepted_name(job: Job) -> str:
    """What the record of the job's acceptance is called."""
    return f"{folder_of(day_of(job.created_at))}/accepted/{job.id}.json"


def processed_name(job_id: uuid.UUID, ended_at: datetime) -> str:
    """What the record of the job's end is called."""
    return f"{folder_of(day_of(ended_at))}/processed/{job_id}.json"


def predictions_in(manifest: Mapping[str, Any], ended_at: datetime) -> dict[str, Any]:
    """The predictions in a manifest, as Replicate reported them, by what their records are called.

    The model is the one that Replicate named, else the one that was asked for.
    """
    job = manifest["job"]
    told = [attempt["prediction"] for attempt in manifest["attempts"] if attempt["prediction"]]
    folder = f"{folder_of(day_of(ended_at))}/predictions"
    asked_for = job["model"] or job["deployment"]
    return {
        f"{folder}/{_model(raw.get('model') or asked_for)}/{_part(raw['id'])}.json": raw
        for raw in told
        if "id" in raw
    }


def accepted_record(job: Job) -> dict[str, Any]:
    """The job as it was accepted, whatever has become of it since."""
    row = row_of(job) | dict.fromkeys(LATER)
    row |= {"status": "queued", "updated_at": job.created_at}
    move = {"from_status": None, "to_status": "queued", "cause": "api", "detail": None}
    return record_of(
        {
            "format": FORMAT,
            "job": row,
            **{part: [] for part in ("attempts", "media", "files")},
            "transitions": [{"job_id": job.id, "at": job.created_at, **move}],
        }
    )


def record_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a job; `fixative` in it is the manifest, from which its rows can be made."""
    job = manifest["job"]
    asked = dict(job["input"])
    prompt = asked.pop("prompt", None)
    ended_at = job["completed_at"]
    return {
        "job_id": job["id"],
        "job": {
            "id": job["id"],
            "prompt": prompt if isinstance(prompt, str) else None,
            "format": {"type": job["job_type"]},
            "provider_config": {
                **asked,
                **{name: job[name] for name in ("model", "version", "deployment") if job[name]},
            },
            "metadata": job["metadata"],
            "created_at": job["created_at"],
        },
        "result": _result(manifest) if job["status"] == "succeeded" else None,
        "error": job["error"],
        "completed_at": ended_at,
        "processing_time": (ended_at - job["created_at"]).total_seconds() if ended_at else None,
        "retry_count": max(len(manifest["attempts"]) - 1, 0),
        "fixative": manifest,
    }


def _result(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The output, each file's place filled by its name in `media`."""
    newest = manifest["job"]["attempt_id"]
    told = [row["prediction"] for row in manifest["attempts"] if row["id"] == newest]
    media = [row for row in manifest["media"] if row["attempt_id"] == newest]
    output = (told[0] or {}).get("output") if told else None
    places = [(pointer, row["name"]) for row in media for pointer in row["pointers"]]
    return {
        "output": put_at(output, places),
        "media": [{name: row[name] for name in TOLD_OF_MEDIA} for row in media],
    }


def _model(name: str | None) -> str:
    """OWNER/MODEL as two folders, whatever characters the name has."""
    owner, _, model = (name or "").partition("/")
    return f"{_part(owner)}/{_part(model)}"


def _part(name: str) -> str:
    plain = re.sub(r"[^\w.-]", "_", name)[:100]
    return plain if plain.strip(".") else UNKNOWN
