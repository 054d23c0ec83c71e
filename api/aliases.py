"""A job in the shapes of the services that Fixative takes the place of."""

import re
import uuid
from typing import Any

JobView = dict[str, Any]

STATUS = {
    "queued": "pending",
    "submitting": "pending",
    "starting": "processing",
    "processing": "processing",
    "storing": "processing",
}
PREDICTION_STATUS = {
    "queued": "starting",
    "submitting": "starting",
    "storing": "processing",
}
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32
ID_LENGTH = 26
PERCENT = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d+)?) ?%")
ALWAYS = ("output", "error")  # of a prediction; what else is not known yet is left out
HIDDEN = "hidden"  # what Replicate shows as the version of an official model


def media_status(job: JobView) -> dict[str, Any]:
    """As `GET /status/JOBID` shows it."""
    progress = _progress(job)
    return {
        "jobId": job["id"],
        "status": STATUS.get(job["status"], job["status"]),
        **({} if progress is None else {"progress": progress}),
        "mediaUrls": [item["url"] for item in job["media"] if item["role"] == "original"],
        "output": job["output"],
        "error": _message(job),
    }


def async_job(job: JobView) -> dict[str, Any]:
    """As `GET /api/jobs/ID` shows it: the output of a text model is one text."""
    return {
        "id": job["id"],
        "type": job["job_type"],
        "status": STATUS.get(job["status"], job["status"]),
        "prediction_id": (job["prediction"] or {}).get("id"),
        "output": _joined(job["output"]),
        "error": _message(job),
        "created_at": job["created_at"],
        "updated_at": job["updated_at"],
    }


def as_prediction(job: JobView, base_url: str) -> dict[str, Any]:
    """As Replicate shows a prediction; it has ended once its files are ours, and not before."""
    told = job["prediction"] or {}
    name, _, version = (job["version"] or "").rpartition(":")
    id_ = short_id(uuid.UUID(job["id"]))
    address = f"{base_url}/jobs/{job['id']}"
    shown = {
        "id": id_,
        "model": job["model"] or name or job["deployment"],
        "version": version or HIDDEN,
        "input": job["input"],
        "logs": told.get("logs") or "",
        "output": job["output"],
        "data_removed": False,
        "error": _message(job),
        "source": "api",
        "status": PREDICTION_STATUS.get(job["status"], job["status"]),
        "created_at": job["created_at"],
        "started_at": told.get("started_at"),
        "completed_at": job["completed_at"],
        "metrics": told.get("metrics") if job["completed_at"] else None,
        "urls": {"get": f"{base_url}/?predictionId={id_}", "cancel": f"{address}/cancel"},
    }
    return {name: value for name, value in shown.items() if value is not None or name in ALWAYS}


def short_id(job_id: uuid.UUID) -> str:
    """The id of a job in the form that Replicate's ids have: 26 characters of base 32."""
    digits = (job_id.int >> 5 * place & 31 for place in reversed(range(ID_LENGTH)))
    return "".join(ALPHABET[digit] for digit in digits)


def read_id(text: str) -> uuid.UUID | None:
    """The job's id in either form; None for what is neither."""
    try:
        return uuid.UUID(text)
    except ValueError:
        pass
    if len(text) != ID_LENGTH or not all(letter in ALPHABET for letter in text):
        return None
    number = 0
    for letter in text:
        number = number << 5 | ALPHABET.index(letter)
    return uuid.UUID(int=number) if number < 1 << 128 else None


def _progress(job: JobView) -> float | None:
    """The last percentage in the logs of its prediction."""
    found = PERCENT.findall((job["prediction"] or {}).get("logs") or "")
    return float(found[-1]) if found and float(found[-1]) <= 100 else None  # noqa: PLR2004


def _message(job: JobView) -> str | None:
    return job["error"]["message"] if job["error"] else None


def _joined(output: Any) -> Any:
    """Tokens as the text that they are; anything else as it is."""
    if isinstance(output, list) and output and all(isinstance(part, str) for part in output):
        is_files = any(part.startswith(("http://", "https://")) for part in output)
        return output if is_files else "".join(output)
    return output
