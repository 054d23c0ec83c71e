"""One large file from its host to the bucket: how fast, and in how much memory."""

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
import httpx

from bench.harness import Comparison, Measure, Sample, compare
from bench.measured import measured
from bench.one_job import attempt_of, status_of, storing
from bench.peers.copy import copy
from bench.stage import Stage, open_stage
from fixative.jobs.accept import JobRequest
from fixative.jobs.store import get_job, media_of
from fixative.postgres.migrate import upgrade
from fixative.settings import load_settings
from worker.services import Services

MEASURES = (
    Measure("megabytes per second", "MB/s", "higher"),
    Measure("CPU per gigabyte", "s", "lower"),
    Measure("memory rise", "MB", "lower"),
)


def run(megabytes: int, rounds: int) -> Comparison:
    """A file stored, beside a plain copy by httpx and boto3: MB/s, CPU and memory."""
    with open_stage() as stage:
        settings = load_settings(
            {**stage.system.environ, "DATABASE_URL": stage.new_database("media")}
        )
        upgrade(settings.sqlalchemy_url)
        services = Services(settings, connections=4)
        try:
            turns = {
                "fixative": partial(_store, services, stage, megabytes),
                "plain copy": partial(_copy, services, stage, megabytes),
            }
            for turn in turns.values():
                turn()  # what is loaded once is loaded
            sizes = {"megabytes": megabytes, "rounds": rounds}
            return compare(turns, MEASURES, rounds=rounds, settings=sizes)
        finally:
            services.close()


def _store(services: Services, stage: Stage, megabytes: int) -> Sample:
    job_id = storing(services, _wanted(megabytes))

    def store() -> None:
        while status_of(services, job_id) == "storing":  # a large one is left to a second run
            services.storer.store(job_id)

    sample = _measured(store, megabytes)
    _check(services, job_id, stage)
    return sample


def _copy(services: Services, stage: Stage, megabytes: int) -> Sample:
    prediction = attempt_of(services, storing(services, _wanted(megabytes))).prediction
    assert prediction
    url = prediction["output"]
    environ = stage.system.environ
    s3 = boto3.client(
        "s3",
        endpoint_url=environ["S3_ENDPOINT_URL"],
        region_name=environ["AWS_REGION"],
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
    )
    bucket = environ["S3_BUCKET"]
    return _measured(lambda: copy(s3, bucket, f"copies/{uuid.uuid4()}", url), megabytes)


def _wanted(megabytes: int) -> JobRequest:
    return JobRequest(model="emulator/bytes", input={"bytes": megabytes * 10**6})


def _check(services: Services, job_id: uuid.UUID, stage: Stage) -> None:
    """What was stored is what was served: a quick copy of something else counts for nothing."""
    with services.database.begin() as session:
        media = media_of(session, get_job(session, job_id))
    attempt = attempt_of(services, job_id)
    url = f"{stage.system.url('emulator')}/_emulator/expected/{attempt.prediction_id}"
    expected = httpx.get(url, timeout=120, trust_env=False).raise_for_status().json()
    if [item["sha256"] for item in expected] != [item.sha256 for item in media]:
        raise RuntimeError("something else was stored than was served")


def _measured(work: Callable[[], Any], megabytes: int) -> Sample:
    taken = measured(work)
    return {
        "megabytes per second": megabytes / taken.seconds,
        "CPU per gigabyte": 1000 * taken.cpu / megabytes,
        "memory rise": taken.memory / 1e6,
    }
