"""Careful Celery: what a good engineer writes by hand who has lost a job once.

Each change of a status is compare-and-set and leaves a row, the attempt is committed before the
POST and the delivery before its answer, a message outlives its worker, and a file written twice is
written once. What it leaves out: nobody finds a prediction whose POST was cut off, asks for an end
that no webhook told of, sends a lost message again, or keeps to Replicate's limits.
"""

import hashlib
import json
import os
import uuid
from functools import cache
from typing import Any

import boto3
import httpx
from botocore.config import Config
from celery import Celery
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

api = Flask("careful")
celery = Celery("careful", broker=os.environ["REDIS_URL"])
celery.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"max_connections": 128},  # with ten, late acknowledgements are lost
    task_routes={"create": {"queue": "create"}, "complete": {"queue": "complete"}},
)


def move(connection: Connection, job_id: str, status: str, *from_: str, **output: str) -> bool:
    """Move the job if it is in one of these statuses; False where it is not."""
    return connection.execute(rows.MOVE, rows.to(status, job_id, *from_, **output)).rowcount == 1


@api.post("/jobs")
def submit() -> tuple[Response, int]:
    job_id, model_input = str(uuid.uuid4()), request.get_json()["input"]
    with engine.begin() as connection:
        connection.execute(rows.INSERT_JOB, {"id": job_id, "input": json.dumps(model_input)})
    create.apply_async((job_id, model_input))
    return jsonify(id=job_id, status="queued"), 202


@celery.task(name="create")
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
    complete.apply_async((job_id, webhook_id))
    return "", 200


@celery.task(name="complete")
def complete(job_id: str, webhook_id: str) -> None:
    with engine.begin() as connection:
        prediction = connection.execute(rows.PREDICTION, {"id": webhook_id}).scalar_one()
        status = rows.after(prediction)
        moved = move(connection, job_id, status, *rows.BEFORE_ITS_END)
    if not moved or status != "storing":
        return
    key = f"careful/{job_id}/output.bin"
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
