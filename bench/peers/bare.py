"""Bare Celery: a row at submit, an update at the end, and nothing in between that is written down.

A worker killed at the wrong moment loses the job or its output, a create that timed out is paid
twice by whoever tries again, a webhook that comes twice is stored twice. That is what it saves.
"""

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
from sqlalchemy import create_engine, text
from standardwebhooks import Webhook, WebhookVerificationError

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

api = Flask("bare")
celery = Celery("bare", broker=os.environ["REDIS_URL"])
celery.conf.update(
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    task_routes={"create": {"queue": "create"}, "complete": {"queue": "complete"}},
)


@api.post("/jobs")
def submit() -> tuple[Response, int]:
    job_id, model_input = uuid.uuid4(), request.get_json()["input"]
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO jobs (id, input) VALUES (:id, :input)"),
            {"id": job_id, "input": json.dumps(model_input)},
        )
    create.apply_async([str(job_id), model_input])
    return jsonify(id=job_id, status="queued"), 202


@api.get("/jobs/<uuid:job_id>")
def show(job_id: uuid.UUID) -> Response:
    with engine.begin() as connection:
        job = connection.execute(text("SELECT * FROM jobs WHERE id = :id"), {"id": job_id})
        return jsonify(dict(job.mappings().one()))


@celery.task(name="create")
def create(job_id: str, model_input: dict[str, Any]) -> None:
    prediction = {
        "version": version(),
        "input": model_input,
        "webhook": f"{WEBHOOK}?job={job_id}",
        "webhook_events_filter": ["completed"],
    }
    replicate.post("/predictions", json=prediction).raise_for_status()


@api.post("/webhook")
def webhook() -> tuple[str, int]:
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        prediction = Webhook(secret()).verify(request.get_data(), headers)
    except WebhookVerificationError:
        return "", 401
    complete.apply_async([request.args["job"], prediction["status"], prediction.get("output")])
    return "", 200


@celery.task(name="complete")
def complete(job_id: str, status: str, output: str) -> None:
    key = None
    if status == "succeeded":
        key = f"bare/{job_id}/output.bin"
        file = downloads.get(output).raise_for_status()
        s3.put_object(
            Bucket=BUCKET, Key=key, Body=file.content, ContentType=file.headers["content-type"]
        )
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE jobs SET status = :status, output_key = :key, completed_at = now()"
                " WHERE id = :id"
            ),
            {"id": job_id, "status": status, "key": key},
        )


@api.get("/healthz")
def healthz() -> str:
    return "ok"


@cache
def version() -> str:
    return replicate.get(f"/models/{MODEL}").raise_for_status().json()["latest_version"]["id"]


@cache
def secret() -> str:
    return replicate.get("/webhooks/default/secret").raise_for_status().json()["key"]
