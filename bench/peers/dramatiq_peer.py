"""Dramatiq, as careful as `careful`: the same rows, and messages acknowledged when they are done.

No actor is retried, as there: what comes twice is a message of a worker that died.
"""

import hashlib
import json
import os
import uuid
from functools import cache
from typing import Any

import boto3
import dramatiq
import httpx
from botocore.config import Config
from dramatiq.brokers.redis import RedisBroker
from flask import Flask, Response, jsonify, request
from sqlalchemy import Connection, create_engine
from standardwebhooks import Webhook, WebhookVerificationError

from bench.peers import rows

MODEL = "emulator/bytes"
BUCKET = os.environ["S3_BUCKET"]
WEBHOOK = f"{os.environ['FIXATIVE_PUBLIC_URL']}/webhook"

engine = create_engine(os.environ["DATABASE_URL"], pool_size=10)
replicate = httpx.Client(
    base_url=f"{os.environ['REPLICATE_BASE_URL']}/v1",
    headers={"Authorization": f"Bearer {os.environ['REPLICATE_API_TOKEN']}"},
    timeout=30,
)
downloads = httpx.Client(timeout=30)
s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_ENDPOINT_URL"],
    config=Config(max_pool_connections=32, request_checksum_calculation="when_required"),
)

api = Flask("dramatiq")
broker = RedisBroker(url=os.environ["REDIS_URL"])
dramatiq.set_broker(broker)


def move(connection: Connection, job_id: str, status: str, *from_: str, **output: str) -> bool:
    """Move the job if it is in one of these statuses; False where it is not."""
    return connection.execute(rows.MOVE, rows.to(status, job_id, *from_, **output)).rowcount == 1


@api.post("/jobs")
def submit() -> tuple[Response, int]:
    job_id, model_input = str(uuid.uuid4()), request.get_json()["input"]
    with engine.begin() as connection:
        connection.execute(rows.INSERT_JOB, {"id": job_id, "input": json.dumps(model_input)})
    create.send(job_id, model_input)
    return jsonify(id=job_id, status="queued"), 202


@dramatiq.actor(queue_name="create", max_retries=0)
def create(job_id: str, model_input: dict[str, Any]) -> None:
    attempt_id = uuid.uuid4()
    with engine.begin() as connection:
        if not move(connection, job_id, "submitting", "queued"):
            return  # the message came twice, or its worker died: it may be paid for already
        connection.execute(rows.INSERT_ATTEMPT, {"id": attempt_id, "job": job_id})
    prediction = {
        "version": version(),
        "input": model_input,
        "webhook": f"{WEBHOOK}?job={job_id}",
        "webhook_events_filter": ["completed"],
    }
    made = replicate.post("/predictions", json=prediction).raise_for_status().json()
    with engine.begin() as connection:
        connection.execute(rows.END_ATTEMPT, {"id": attempt_id, "prediction": made["id"]})
        move(connection, job_id, "processing", "submitting")


@api.post("/webhook")
def webhook() -> tuple[str, int]:
    headers = {name.lower(): value for name, value in request.headers.items()}
    body, job_id, webhook_id = request.get_data(), request.args["job"], headers["webhook-id"]
    try:
        Webhook(secret()).verify(body, headers)
    except WebhookVerificationError:
        return "", 401
    delivery = {"id": webhook_id, "job": job_id, "prediction": body.decode()}
    with engine.begin() as connection:
        connection.execute(rows.INSERT_DELIVERY, delivery)
    complete.send(job_id, webhook_id)
    return "", 200


@dramatiq.actor(queue_name="complete", max_retries=0)
def complete(job_id: str, webhook_id: str) -> None:
    with engine.begin() as connection:
        prediction = connection.execute(rows.PREDICTION, {"id": webhook_id}).scalar_one()
        status = rows.after(prediction)
        moved = move(connection, job_id, status, *rows.BEFORE_ITS_END)
    if not moved or status != "storing":
        return
    key = f"dramatiq/{job_id}/output.bin"
    file = downloads.get(prediction["output"]).raise_for_status()
    sha256 = hashlib.sha256(file.content).hexdigest()
    s3.put_object(
        Bucket=BUCKET, Key=key, Body=file.content, ContentType=file.headers["content-type"]
    )
    with engine.begin() as connection:
        move(connection, job_id, "succeeded", "storing", key=key, sha256=sha256)


@api.get("/healthz")
def healthz() -> str:
    return "ok"


@cache
def version() -> str:
    return replicate.get(f"/models/{MODEL}").raise_for_status().json()["latest_version"]["id"]


@cache
def secret() -> str:
    return replicate.get("/webhooks/default/secret").raise_for_status().json()["key"]
