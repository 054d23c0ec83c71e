"""Jobs with all that is written of them, in bucket and records; a database that forgot them, and
its rebuild; history at the local Replicate, through a relay that changes what its lists say."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import delete, select

from fixative.cli.rebuild import SOURCES
from fixative.jobs.delete import delete_job
from fixative.jobs.store import get_job
from fixative.media.manifest import NAME
from fixative.names import Hint
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import File
from fixative.postgres.money_tables import Balance, Budget, LedgerEntry, SpendDay
from fixative.postgres.operation_tables import Epoch, Pause
from fixative.postgres.sync_tables import SyncResult, SyncRun
from fixative.postgres.tables import ApiKey, Batch, Job, Owner
from fixative.recovery.digest import digest_of
from fixative.recovery.export import export
from fixative.recovery.history import History
from fixative.recovery.history_runs import Walk
from fixative.recovery.rebuild import Rebuilder
from fixative.recovery.rebuild_report import Report
from fixative.recovery.replay_find import Chosen
from fixative.replicate.client import Replicate
from fixative.replicate.prediction import read_prediction
from worker.services import Services

OF_MONEY = (LedgerEntry, Budget, Balance, SpendDay)


@pytest.fixture
def output_dir(settings):
    """Where this test's records are written."""
    return Path(settings.output_dir)


@pytest.fixture
def ran(services, storing):
    """A job that was accepted, stored, derived, and recorded each time."""

    def make(**request):
        job_id = storing(**request)
        services.records.record_accepted()
        services.storer.store(job_id)
        services.deriver.derive(job_id)
        services.recorder.record(job_id)
        return job_id

    return make


@pytest.fixture
def processed(output_dir):
    """The path of the record of a job's end."""

    def find(job_id):
        [path] = output_dir.glob(f"daily/*/processed/{job_id}.json")
        return path

    return find


@pytest.fixture
def replay(services, output_dir):
    """Replay what lies at a place, OUTPUT_DIR by default; what became of each, in words."""

    def run(place=output_dir, *, dry_run=False, **chosen):
        which = Chosen(**chosen)
        entries = services.replayer.find(str(place), which)
        outcomes = services.replayer.replay_all(entries, which, dry_run=dry_run)
        return sorted(outcome.what for _, outcome in outcomes)

    return run


@pytest.fixture
def rewritten(processed):
    """The record of a job's end, changed, in its place."""

    def write(job_id, change):
        path = processed(job_id)
        record = json.loads(path.read_text())
        change(record)
        path.write_text(json.dumps(record))
        return path

    return write


@pytest.fixture
def archived(services):
    """Make one file of every day that has records."""
    return replace(services.archives, archive_days=0).tend


@pytest.fixture
def ended(services, ran, read_job):
    """A job that was stored, derived and recorded; and its manifest from the bucket."""

    def make(**request):
        job_id = ran(**request)
        return job_id, json.loads(services.bucket.read(services.keys.key(read_job(job_id), NAME)))

    return make


@pytest.fixture
def forgotten(database):
    """A database that knows nobody and nothing."""

    def forget():
        with database.begin() as session:
            for table in (*OF_MONEY, Job, Batch, ApiKey, Pause, Epoch, File, Owner):
                session.execute(delete(table))

    return forget


class Relay:
    """Passes each read on to the local Replicate; a test may change its answers, or answer itself.

    `change` is given the path with its query, and the JSON of the answer; what it gives back, JSON
    or a status with JSON, is answered.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.url = ""
        self.change: Callable[[str, Any], Any] = lambda _, body: body
        self.lists: list[str] = []

    def answer(self, path: str) -> tuple[int, bytes]:
        if path.startswith("/v1/predictions?") or path == "/v1/predictions":
            self.lists.append(path)
        told = httpx.get(self.origin + path, headers={"Authorization": "Bearer r8_test"})
        changed = self.change(path, told.json())
        status, body = changed if isinstance(changed, tuple) else (told.status_code, changed)
        return status, json.dumps(body).encode()


@pytest.fixture
def relay(local_replicate: str) -> Iterator[Relay]:
    made = Relay(local_replicate)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = made.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def sent() -> list[Hint]:
    """The hints that history sends."""
    return []


@pytest.fixture
def history(services: Services, sent: list[Hint]) -> History:
    """History sync as the worker has it, but for what it sends."""
    return History(
        database=services.database,
        replicate=services.replicate,
        stopping=services.stopping,
        imports="all",
        send=sent.extend,
    )


@pytest.fixture
def relayed(environ: dict[str, str], relay: Relay, history: History) -> Iterator[History]:
    """The same with Replicate behind the relay."""
    replicate = Replicate(relay.url, SecretStr("r8_test"))
    yield replace(history, replicate=replicate)
    replicate.close()


@pytest.fixture
def add_history(emulator: httpx.Client) -> Callable[..., None]:
    """Let Replicate have this many finished predictions, made over the last seconds."""

    def add(count: int, span_seconds: float = 3000, **more: Any) -> None:
        body = {"count": count, "span_seconds": span_seconds, **more}
        emulator.post("/_emulator/history", json=body, timeout=60).raise_for_status()

    return add


@pytest.fixture
def run_of(database: Database) -> Callable[[History, Walk], SyncRun]:
    """Sync history to this walk's end; its run."""

    def sync(history: History, walk: Walk) -> SyncRun:
        run_id = history.sync(walk)
        with database.begin() as session:
            return session.get_one(SyncRun, run_id)

    return sync


@pytest.fixture
def bootstrap(history: History, run_of: Callable[..., SyncRun]) -> Callable[..., SyncRun]:
    def run(**walk: Any) -> SyncRun:
        return run_of(history, Walk(bootstrap=True, **walk))

    return run


@pytest.fixture
def regular(history: History, run_of: Callable[..., SyncRun]) -> Callable[..., SyncRun]:
    def run(**walk: Any) -> SyncRun:
        return run_of(history, Walk(**walk))

    return run


@pytest.fixture
def all_jobs(database: Database) -> Callable[[], list[Job]]:
    """Every job, oldest first."""

    def read() -> list[Job]:
        with database.begin() as session:
            return list(session.scalars(select(Job).order_by(Job.created_at)))

    return read


@pytest.fixture
def results_of(database: Database) -> Callable[[SyncRun], list[SyncResult]]:
    def read(run: SyncRun) -> list[SyncResult]:
        found = select(SyncResult).where(SyncResult.run_id == run.id).order_by(SyncResult.id)
        with database.begin() as session:
            return list(session.scalars(found))

    return read


@pytest.fixture
def alone(settings):
    database = Database(settings.sqlalchemy_url, connections=1)
    yield database
    database.close()


@pytest.fixture
def rebuild(services, alone, history):
    """Rebuild as the command does; the report."""

    def run(sources=SOURCES, history=history):
        report = Report(say=lambda _: None)
        names = ("database", "bucket", "keys", "epoch", "settings")
        parts = {name: getattr(services, name) for name in names}
        reader = replace(history, of_a_rebuild=True)
        Rebuilder(**parts, alone=alone, history=reader).rebuild(sources, report)
        return report

    return run


@pytest.fixture
def digest(database):
    return lambda: digest_of(export(database))


@pytest.fixture
def deleted(services, database, ended):
    """A job that was deleted and purged; its id and its prediction as Replicate has it."""

    def make():
        job_id, manifest = ended()
        with database.begin() as session:
            delete_job(session, get_job(session, job_id))
        assert services.purger.purge() == 1
        return job_id, read_prediction(
            services.replicate.get(manifest["attempts"][0]["prediction_id"])
        )

    return make


@pytest.fixture
def put(services):
    return lambda key, content: services.bucket.put(key, io.BytesIO(content), "application/json")


@pytest.fixture
def key_of(services, read_job):
    return lambda job_id, name=NAME: services.keys.key(read_job(job_id), name)


@pytest.fixture
def problems():
    """The problems in a report, each by its kind and name."""
    return lambda report: {(problem.kind, problem.name) for problem in report.problems}
