"""A system that has something of everything to show."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.system.conftest import System
from tests.waiting import waited_for

REGISTRY = {
    "models": {
        "black-forest-labs/flux-schnell": {
            "kind": "image",
            "price": {"per_image": 0.003},
            "estimated_seconds": 1,
        },
        "stability-ai/sdxl": {"kind": "image", "price": {"per_second": 0.000975}},
        "clip": {
            "kind": "video",
            "model": "minimax/video-01",
            "price": {"per_run": 0.5},
            "max_cost": 0.5,
        },
        "meta/musicgen": {"kind": "audio", "price": {"per_second": 0.0014}, "max_seconds": 60},
        "meta/meta-llama-3-8b-instruct": {
            "kind": "text",
            "price": {"per_output_token": 0.00000065},
            "estimated_seconds": 30,
        },
    }
}
JOBS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("black-forest-labs/flux-schnell", {"prompt": "a lighthouse in fog"}),
    ("black-forest-labs/flux-schnell", {"prompt": "a harbour in winter", "num_outputs": 3}),
    ("stability-ai/sdxl", {"prompt": "a garden in the morning, seen from a high window"}),
    ("clip", {"prompt": "a river under glass"}),
    ("meta/musicgen", {"prompt": "slow copper bells"}),
    ("meta/meta-llama-3-8b-instruct", {"prompt": "the sea"}),
    ("emulator/report", {"prompt": "all of it"}),
    ("emulator/fail", {"prompt": "what cannot be"}),
    ("black-forest-labs/flux-schnell", {"prompt": "a fox that crosses the snow at night"}),
    ("black-forest-labs/flux-schnell", {"prompt": "tea, and the steam of it"}),
)
LETTER = """
    INSERT INTO dead_letters
        (id, task, arguments, job_id, error_class, message, traceback, attempts, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
TRACEBACK = """Traceback (most recent call last):
  File "fixative/media/save.py", line 88, in save
    stored = self.bucket.put(key, source, content_type)
BucketError: no answer within 30 s
"""


def variables() -> dict[str, str]:
    """The variables of a system that offers models at a price."""
    return {"MODELS_CONFIG": json.dumps(REGISTRY)}


def submit_jobs(system: System) -> list[str]:
    """One job of each kind, and what fails; ended, but for the last, which runs."""
    system.configure(latency={"*": {"start": 0.05, "run": 0.3}})
    ids = []
    for model, input_ in JOBS:
        body = {"model": model, "input": input_, "label": "shown"}
        ids.append(system.api.post("/jobs", json=body).raise_for_status().json()["id"])
    system.all_ended(ids)
    return [*ids, system.submit("emulator/sleep", seconds=3000)]


def wait_for(system: System, job_id: str, *roles: str) -> None:
    """Wait until one of these is derived of the job's media."""
    waited_for(
        lambda: any(media["role"] in roles for media in system.job(job_id)["media"]), pause=0.2
    )


def bury(system: System, job_id: str | None, task: str = "fixative.store_outputs") -> str:
    """A dead letter, by a row; its id."""
    id_ = str(uuid.uuid4())
    url = system.run["database_url"].replace("+psycopg", "")
    arguments = json.dumps({"job_id": job_id} if job_id else {})
    at = datetime.now(UTC) - timedelta(minutes=12)
    told = ("BucketError", "no answer within 30 s", TRACEBACK, 3, at)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(LETTER, (id_, task, arguments, job_id, *told))
    return id_


def furnish(system: System, job_id: str) -> None:
    """What only operators make: keys, owners, budgets, a pause, a sync, dead letters."""
    for path, body in (
        ("/admin/owners", {"name": "gallery", "weight": 2, "retention_days": 30}),
        ("/admin/keys", {"owner": "gallery", "allow": ["10.1.0.0/16"], "per_minute": 600}),
        ("/admin/keys", {"owner": "night-shift", "scopes": ["read"]}),
        ("/admin/pause", {"model": "emulator/bytes"}),
        ("/sync-replicate-jobs", {"bootstrap": True, "max_predictions": 50}),
    ):
        system.api.post(path, json=body).raise_for_status()
    budget = {"owner": "gallery", "period": "month", "amount": "250"}
    system.api.put("/admin/budgets", json=budget).raise_for_status()
    bury(system, job_id)
    bury(system, None, "fixative.write_summary")
