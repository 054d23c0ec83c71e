"""A job as Replicate shows a prediction; it has ended once its files are ours, and not before."""

import uuid
from collections.abc import Callable
from typing import Any

from fixative.jobs.short_ids import short_id

STATUS = {
    "queued": "starting",
    "submitting": "starting",
    "storing": "processing",
}
ALWAYS = ("output", "error")  # what else is not known yet is left out
FILES = "/v1/files/"
MEDIA = ("image", "video", "audio")
HIDDEN = "hidden"  # what Replicate shows as the version of an official model


def prediction_view(
    job: dict[str, Any], base_url: str, link: Callable[[str], str]
) -> dict[str, Any]:
    """The job, given in its own wire shape, in that of predictions (Replicate's OpenAPI file).

    `link` makes an address that needs no key of a path. Of a model that was named by its version
    alone the name is known once Replicate tells it; before, it is empty. `aborted`, which some
    clients cannot read and others wait on for ever, is shown as canceled, with an error that says
    so.
    """
    told = job["prediction"] or {}
    named, _, version = (job["version"] or "").rpartition(":")
    id_ = short_id(uuid.UUID(job["id"]))
    address = f"{base_url}/v1/predictions/{id_}"
    ended = job["completed_at"] is not None
    shown = {
        "id": id_,
        "model": told.get("model") or job["model"] or named,
        "version": told.get("version") or version or HIDDEN,
        "deployment": (job["deployment"] or "").rpartition("/")[2] or None,
        "input": job["input"],
        "logs": told.get("logs") or "",
        "output": job["output"],
        "data_removed": _is_removed(job, told),
        "error": _message(job),
        "source": told.get("source") or "api",
        "status": STATUS.get(job["status"], job["status"]),
        "created_at": job["created_at"],
        "started_at": told.get("started_at"),
        "completed_at": told.get("completed_at") or job["completed_at"] if ended else None,
        "deadline": job["deadline"],
        "metrics": told.get("metrics") if ended else None,
        "webhook": job["webhook"],
        "urls": {
            "get": address,
            "cancel": f"{address}/cancel",
            "stream": link(_stream_path(job, id_)),
            "web": f"{base_url}/ui/jobs/{job['id']}",
        },
    }
    return {name: value for name, value in shown.items() if value is not None or name in ALWAYS}


def stream_at_replicate(job: dict[str, Any]) -> str | None:
    """Where Replicate streams the job's prediction, as far as it has told."""
    told = (job["prediction"] or {}).get("urls")
    url = told.get("stream") if isinstance(told, dict) else None
    return url if isinstance(url, str) else None


def _stream_path(job: dict[str, Any], id_: str) -> str:
    """Where its stream is opened, with a link's signature and no key.

    Of what comes below /v1/files/, as Replicate's own streams of files do, the JavaScript client
    makes files, and of all else texts.
    """
    told = stream_at_replicate(job)
    of_files = job["job_type"] in MEDIA if told is None else FILES in told
    return f"{FILES}{id_}/stream" if of_files else f"/v1/predictions/{id_}/stream"


def _is_removed(job: dict[str, Any], told: dict[str, Any]) -> bool:
    """Whether it came to us too late: nobody has its data any more."""
    return bool(told.get("data_removed")) and job["output"] is None and not job["media"]


def _message(job: dict[str, Any]) -> str | None:
    """Why it failed; that it was canceled on request is no error to Replicate."""
    error = job["error"]
    return error["message"] if error and error["code"] != "canceled" else None
