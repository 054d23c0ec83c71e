"""One large file from its host to the bucket: how fast, and in how much memory."""

import resource
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import httpx

from bench.harness import Comparison, Measure, Sample, compare
from bench.peers.copy import copy
from bench.stage import Stage, open_stage
from fixative.access.owners import ensure_owner
from fixative.jobs.accept import JobRequest, accept
from fixative.jobs.store import current_attempt, get_job, media_of
from fixative.postgres.migrate import upgrade
from fixative.recovery.poll import ask_about
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
    job_id = _storing(services, megabytes)

    def store() -> None:
        while _status(services, job_id) == "storing":  # a large one is left to a second run
            services.storer.store(job_id)

    sample = _measured(store, megabytes)
    _check(services, job_id, stage)
    return sample


def _copy(services: Services, stage: Stage, megabytes: int) -> Sample:
    url = _output(services, _storing(services, megabytes))
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


def _storing(services: Services, megabytes: int) -> uuid.UUID:
    """A job whose prediction has succeeded with one file of this size."""
    wanted = JobRequest(model="emulator/bytes", input={"bytes": megabytes * 10**6})
    with services.database.begin() as session:
        owner = ensure_owner(session, "bench").id
        job_id = accept(session, wanted, owner).job.id
    services.submitter.submit(job_id)
    while _status(services, job_id) != "storing":
        with services.database.begin() as session:
            attempt = current_attempt(session, get_job(session, job_id))
        assert attempt
        assert attempt.prediction_id
        ask_about(services.database, services.replicate, attempt.prediction_id)
    return job_id


def _status(services: Services, job_id: uuid.UUID) -> str:
    with services.database.begin() as session:
        return get_job(session, job_id).status


def _output(services: Services, job_id: uuid.UUID) -> str:
    with services.database.begin() as session:
        attempt = current_attempt(session, get_job(session, job_id))
    assert attempt
    assert attempt.prediction
    return str(attempt.prediction["output"])


def _check(services: Services, job_id: uuid.UUID, stage: Stage) -> None:
    """What was stored is what was served: a quick copy of something else counts for nothing."""
    with services.database.begin() as session:
        job = get_job(session, job_id)
        attempt, media = current_attempt(session, job), media_of(session, job)
    assert attempt
    url = f"{stage.system.url('emulator')}/_emulator/expected/{attempt.prediction_id}"
    expected = httpx.get(url, timeout=120, trust_env=False).raise_for_status().json()
    if [item["sha256"] for item in expected] != [item.sha256 for item in media]:
        raise RuntimeError("something else was stored than was served")


def _measured(work: Callable[[], Any], megabytes: int) -> Sample:
    before, over, peak = _resident(), threading.Event(), [0]

    def watch() -> None:
        while not over.wait(0.05):
            peak[0] = max(peak[0], _resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    cpu, began = _cpu(), time.monotonic()
    try:
        work()
    finally:
        seconds, used = time.monotonic() - began, _cpu() - cpu
        over.set()
        watcher.join()
    return {
        "megabytes per second": megabytes / seconds,
        "CPU per gigabyte": 1000 * used / megabytes,
        "memory rise": max(0, peak[0] - before) / 1e6,
    }


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
