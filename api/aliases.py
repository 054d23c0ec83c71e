"""A job in the shapes of the services that Fixative takes the place of."""

import re
from typing import Any

JobView = dict[str, Any]

STATUS = {
    "queued": "pending",
    "submitting": "pending",
    "starting": "processing",
    "processing": "processing",
    "storing": "processing",
}
PERCENT = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d+)?) ?%")


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
