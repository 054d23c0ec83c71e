"""One loop instead of threads: FastAPI, taskiq, httpx, obstore; as careful as `careful`.

The rows are the same, and a message is acknowledged when its task is done.
"""

import hashlib
import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import obstore
from fastapi import FastAPI, Request, Response
from obstore.store import S3Store
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from standardwebhooks import Webhook, WebhookVerificationError
from taskiq_redis import RedisStreamBroker

from bench.peers import rows

MODEL = "emulator/bytes"
WEBHOOK = f"{os.environ['FIXATIVE_PUBLIC_URL']}/webhook"

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=10)
replicate = httpx.AsyncClient(
    base_url=f"{os.environ['REPLICATE_BASE_URL']}/v1",
    headers={"Authorization": f"Bearer {os.environ['REPLICATE_API_TOKEN']}"},
    timeout=30,
)
downloads = httpx.AsyncClient(timeout=30)
s3 = S3Store(
    os.environ["S3_BUCKET"],
    endpoint=os.environ["S3_ENDPOINT_URL"],
    region=os.environ["AWS_REGION"],
    access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
    secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    virtual_hosted_style_request=False,
    client_options={"allow_http": True},
)


def stream(queue: str) -> RedisStreamBroker:
    """A queue from its beginning on, which keeps what was sent before a worker first listened."""
    url = os.environ["REDIS_URL"]
    return RedisStreamBroker(url, queue_name=queue, consumer_id="0", maxlen=10_000)


create_queue, complete_queue = stream("create"), stream("complete")
known: dict[str, str] = {}  # the model's version and the webhooks' secret, once asked for


@asynccontextmanager
async def connected(_: FastAPI) -> AsyncIterator[None]:
    """The brokers, for as long as the API runs."""
    await create_queue.startup()
    await complete_queue.startup()
    yield
    await create_queue.shutdown()
    await complete_queue.shutdown()


api = FastAPI(lifespan=connected)


async def move(
    connection: AsyncConnection, job_id: str, status: str, *from_: str, **output: str
) -> bool:
    """Move the job if it is in one of these statuses; False where it is not."""
    moved = await connection.execute(rows.MOVE, rows.to(status, job_id, *from_, **output))
    return moved.rowcount == 1


@api.post("/jobs", status_code=202)
async def submit(request: Request) -> dict[str, str]:
    job_id, model_input = str(uuid.uuid4()), (await request.json())["input"]
    async with engine.begin() as connection:
        await connection.execute(rows.INSERT_JOB, {"id": job_id, "input": json.dumps(model_input)})
    await create.kiq(job_id, model_input)
    return {"id": job_id, "status": "queued"}


@create_queue.task(task_name="create")
async def create(job_id: str, model_input: dict[str, Any]) -> None:
    attempt_id = uuid.uuid4()
    async with engine.begin() as connection:
        if not await move(connection, job_id, "submitting", "queued"):
            return  # the message came twice, or its worker died: it may be paid for already
        await connection.execute(rows.INSERT_ATTEMPT, {"id": attempt_id, "job": job_id})
    prediction = {
        "version": await version(),
        "input": model_input,
        "webhook": f"{WEBHOOK}?job={job_id}",
        "webhook_events_filter": ["completed"],
    }
    answer = await replicate.post("/predictions", json=prediction)
    made = {"id": attempt_id, "prediction": answer.raise_for_status().json()["id"]}
    async with engine.begin() as connection:
        await connection.execute(rows.END_ATTEMPT, made)
        await move(connection, job_id, "processing", "submitting")


@api.post("/webhook")
async def webhook(request: Request, job: uuid.UUID) -> Response:
    body, headers = await request.body(), dict(request.headers)
    try:
        Webhook(await secret()).verify(body, headers)
    except WebhookVerificationError:
        return Response(status_code=401)
    delivery = {"id": headers["webhook-id"], "job": job, "prediction": body.decode()}
    async with engine.begin() as connection:
        await connection.execute(rows.INSERT_DELIVERY, delivery)
    await complete.kiq(str(job), headers["webhook-id"])
    return Response()


@complete_queue.task(task_name="complete")
async def complete(job_id: str, webhook_id: str) -> None:
    async with engine.begin() as connection:
        prediction = await connection.scalar(rows.PREDICTION, {"id": webhook_id})
        status = rows.after(prediction)
        moved = await move(connection, job_id, status, *rows.BEFORE_ITS_END)
    if not moved or status != "storing":
        return
    key = f"asyncio/{job_id}/output.bin"
    file = (await downloads.get(prediction["output"])).raise_for_status()
    sha256 = hashlib.sha256(file.content).hexdigest()
    kind = {"Content-Type": file.headers["content-type"]}
    await obstore.put_async(s3, key, file.content, attributes=kind, use_multipart=False)
    async with engine.begin() as connection:
        await move(connection, job_id, "succeeded", "storing", key=key, sha256=sha256)


@api.get("/healthz")
async def healthz() -> str:
    return "ok"


async def version() -> str:
    if "version" not in known:
        model = (await replicate.get(f"/models/{MODEL}")).raise_for_status().json()
        known["version"] = model["latest_version"]["id"]
    return known["version"]


async def secret() -> str:
    if "secret" not in known:
        told = (await replicate.get("/webhooks/default/secret")).raise_for_status().json()
        known["secret"] = told["key"]
    return known["secret"]
