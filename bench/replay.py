"""Records back into an empty database: how fast, and in how much memory."""

import json
import re
import uuid
from collections import Counter
from functools import partial
from pathlib import Path

import psycopg

from bench.harness import Comparison, Measure, Sample, compare
from bench.measured import Taken, measured
from bench.one_job import storing
from bench.peers.insert import insert
from bench.stage import Stage, open_stage
from fixative.jobs.accept import JobRequest
from fixative.postgres.migrate import upgrade
from fixative.recovery.replay_find import Chosen
from fixative.settings import load_settings
from worker.services import Services

MEASURES = (
    Measure("records per second", "1/s", "higher"),
    Measure("CPU per thousand", "s", "lower"),
    Measure("memory rise", "MB", "lower"),
)
WANTED = JobRequest(model="black-forest-labs/flux-schnell", input={"prompt": "a cat"})


def run(records: int, rounds: int) -> Comparison:
    """Records replayed, beside a script that puts each file into a row: records/s, CPU, memory."""
    with open_stage() as stage:
        directory = Path(stage.system.environ["OUTPUT_DIR"])
        services = _services(stage)
        write_records(services, directory, records)
        services.close()
        turns = {
            "fixative": partial(_replay, stage, directory, records),
            "bare": partial(_insert, stage, directory, records),
        }
        sizes = {"records": records, "rounds": rounds}
        return compare(turns, MEASURES, rounds=rounds, settings=sizes)


def _services(stage: Stage) -> Services:
    """Services on an empty database."""
    url = stage.new_database(f"replay_{uuid.uuid4().hex}")
    settings = load_settings({**stage.system.environ, "DATABASE_URL": url})
    upgrade(settings.sqlalchemy_url)
    return Services(settings, connections=2)


def write_records(services: Services, directory: Path, records: int) -> None:
    """The record of one job that ran, as often as wanted: each of another job, over ten days."""
    job_id = storing(services, WANTED)
    services.storer.store(job_id)
    services.deriver.derive(job_id)
    services.recorder.record(job_id)
    [path] = directory.glob("daily/*/processed/*.json")
    told = path.read_text()
    path.unlink()
    manifest = json.loads(told)["fixative"]
    rows = (*manifest["attempts"], *manifest["media"])
    its_own = {str(job_id), *(row["id"] for row in rows), manifest["attempts"][0]["prediction_id"]}
    any_of_them = re.compile("|".join(its_own))
    folders = [directory / f"daily/2026-01-{day:02}/processed" for day in range(1, 11)]
    for folder in folders:
        folder.mkdir(parents=True)
    for number in range(records):
        others = {id_: _another(id_) for id_ in its_own}
        path = folders[number % 10] / f"{others[str(job_id)]}.json"
        path.write_text(any_of_them.sub(partial(_put, others), told))


def _another(id_: str) -> str:
    """Another id of the same kind: a prediction's is no UUID."""
    other = uuid.uuid4()
    return str(other) if "-" in id_ else other.hex[: len(id_)]


def _put(others: dict[str, str], found: re.Match[str]) -> str:
    return others[found[0]]


def _replay(stage: Stage, directory: Path, records: int) -> Sample:
    services, chosen = _services(stage), Chosen()
    replayed = Counter[str]()

    def replay() -> None:
        entries = services.replayer.find(str(directory), chosen)
        for _, outcome in services.replayer.replay_all(entries, chosen):
            replayed[outcome.what] += 1

    try:
        taken = measured(replay)
    finally:
        services.close()
    if replayed != {"replayed": records}:
        raise RuntimeError(f"not all were replayed: {replayed}")
    return _sample(taken, records)


def _insert(stage: Stage, directory: Path, records: int) -> Sample:
    url = stage.new_database(f"bare_{uuid.uuid4().hex}")
    taken = measured(lambda: insert(url, directory))
    with psycopg.connect(url) as connection:
        made = connection.execute("SELECT count(*) FROM recorded").fetchone()
    if made != (records,):
        raise RuntimeError(f"not all were inserted: {made}")
    return _sample(taken, records)


def _sample(taken: Taken, records: int) -> Sample:
    return {
        "records per second": records / taken.seconds,
        "CPU per thousand": 1000 * taken.cpu / records,
        "memory rise": taken.memory / 1e6,
    }
