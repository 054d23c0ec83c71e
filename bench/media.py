"""Files from their host to the bucket: how fast, and in how much memory."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import boto3
import httpx

from bench.harness import Comparison, Measure, Sample, compare
from bench.measured import Taken, measured
from bench.one_job import attempt_of, status_of, storing
from bench.peers.copy import copy
from bench.stage import Stage, open_stage
from fixative.jobs.accept import JobRequest
from fixative.jobs.store import get_job, media_of
from fixative.postgres.migrate import upgrade
from fixative.settings import load_settings
from worker.services import Services

SMALL_BYTES, MOST_IN_A_JOB = 100_000, 1000
WARM_UP = 20  # megabytes


@dataclass(frozen=True)
class Shape:
    """So many jobs' files, of the same size."""

    name: str
    counts: Sequence[int]  # files of each job
    bytes: int  # of a file

    @property
    def megabytes(self) -> float:
        """All together."""
        return sum(self.counts) * self.bytes / 1e6

    @property
    def jobs(self) -> list[JobRequest]:
        """What is asked of the local Replicate."""
        inputs = ({"bytes": self.bytes, "count": count} for count in self.counts)
        return [JobRequest(model="emulator/bytes", input=each) for each in inputs]


def shapes(megabytes: int) -> list[Shape]:
    """One file of so many megabytes, twenty that are as large together, and as many of 100 kB."""
    full, rest = divmod(megabytes, MOST_IN_A_JOB)
    small = [MOST_IN_A_JOB] * full + [rest] * bool(rest)
    return [
        Shape("one file", [1], megabytes * 10**6),
        Shape("20 files", [20], megabytes * 10**6 // 20),
        Shape("small files", small, SMALL_BYTES),
    ]


Way = Callable[[Services, Stage, Shape], Taken]
MEASURES = tuple(
    measure
    for shape in shapes(1)
    for measure in (
        Measure(f"{shape.name}, megabytes per second", "MB/s", "higher"),
        Measure(f"{shape.name}, CPU per gigabyte", "s", "lower"),
        Measure(f"{shape.name}, memory rise", "MB", "lower"),
    )
)


def run(megabytes: int, rounds: int) -> Comparison:
    """Files stored, beside a plain copy by httpx and boto3: MB/s, CPU and memory."""
    with open_stage() as stage:
        settings = load_settings(
            {**stage.system.environ, "DATABASE_URL": stage.new_database("media")}
        )
        upgrade(settings.sqlalchemy_url)
        services = Services(settings, connections=4)
        try:
            for way in (_store, _copy):
                _turn(way, services, stage, WARM_UP)  # what is loaded once is loaded
            turns = {
                "fixative": partial(_turn, _store, services, stage, megabytes),
                "plain copy": partial(_turn, _copy, services, stage, megabytes),
            }
            sizes = {"megabytes": megabytes, "rounds": rounds}
            return compare(turns, MEASURES, rounds=rounds, settings=sizes)
        finally:
            services.close()


def _turn(way: Way, services: Services, stage: Stage, megabytes: int) -> Sample:
    sample: Sample = {}
    for shape in shapes(megabytes):
        taken = way(services, stage, shape)
        sample |= {
            f"{shape.name}, megabytes per second": shape.megabytes / taken.seconds,
            f"{shape.name}, CPU per gigabyte": 1000 * taken.cpu / shape.megabytes,
            f"{shape.name}, memory rise": taken.memory / 1e6,
        }
    return sample


def _store(services: Services, stage: Stage, shape: Shape) -> Taken:
    job_ids = [storing(services, wanted) for wanted in shape.jobs]

    def store() -> None:
        for job_id in job_ids:
            while status_of(services, job_id) == "storing":  # large ones are left to a second run
                services.storer.store(job_id)

    taken = measured(store)
    for job_id in job_ids:
        _check(services, job_id, stage)
    return taken


def _copy(services: Services, stage: Stage, shape: Shape) -> Taken:
    urls: list[str] = []
    for wanted in shape.jobs:
        prediction = attempt_of(services, storing(services, wanted)).prediction
        assert prediction
        output = prediction["output"]
        urls += [output] if isinstance(output, str) else output
    environ = stage.system.environ
    s3 = boto3.client(
        "s3",
        endpoint_url=environ["S3_ENDPOINT_URL"],
        region_name=environ["AWS_REGION"],
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
    )
    bucket = environ["S3_BUCKET"]

    def copy_each() -> None:
        with httpx.Client(trust_env=False) as client:
            for url in urls:
                copy(client, s3, bucket, f"copies/{uuid.uuid4()}", url)

    return measured(copy_each)


def _check(services: Services, job_id: uuid.UUID, stage: Stage) -> None:
    """What was stored is what was served: a quick copy of something else counts for nothing."""
    with services.database.begin() as session:
        media = media_of(session, get_job(session, job_id))
    attempt = attempt_of(services, job_id)
    url = f"{stage.system.url('emulator')}/_emulator/expected/{attempt.prediction_id}"
    expected = httpx.get(url, timeout=120, trust_env=False).raise_for_status().json()
    if [item["sha256"] for item in expected] != [item.sha256 for item in media]:
        raise RuntimeError("something else was stored than was served")
