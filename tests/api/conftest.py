"""The API on this test's own servers, without a network between, and keys to it."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete
from werkzeug.test import TestResponse

from api.answer_schemas import Problem
from api.app import Api, create_app
from api.waiting import Watcher
from fixative.access.keys import create_key
from fixative.jobs.job_query import JobQuery
from fixative.jobs.listing import list_jobs
from fixative.jobs.store import move
from fixative.names import QUEUES, Hint
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import File
from fixative.postgres.tables import Attempt, Batch, Delivery, Job
from fixative.settings import Settings, load_settings
from fixative.shared import connect
from tests.databases import Databases
from worker.services import Services

SCOPES = ("submit", "read", "cancel", "media")


class RecordingPublisher:
    """Keeps hints instead of sending them."""

    def __init__(self) -> None:
        self.hints: list[Hint] = []

    def publish(self, hints: Iterable[Hint]) -> None:
        self.hints += hints

    def queue_lengths(self) -> dict[str, int]:
        return dict.fromkeys(QUEUES, 0) | Counter(hint.queue for hint in self.hints)


# Bad input has a hundred forms: the parts are built once, and only the rows are each test's own.


@pytest.fixture(scope="session")
def environ(servers: dict[str, str], databases: Databases) -> dict[str, str]:
    return {
        **servers,
        "DATABASE_URL": databases.make(),
        "REPLICATE_API_TOKEN": "r8_test",
        "REPLICATE_BASE_URL": "http://127.0.0.1:1",
        "FIXATIVE_ADMIN_KEY": "fx_admin_key_of_the_tests",
        "FIXATIVE_DATA_DIR": "/nonexistent",
    }


@pytest.fixture(scope="session")
def settings(environ: dict[str, str]) -> Settings:
    return load_settings(environ)


@pytest.fixture(scope="session")
def services(settings: Settings) -> Iterator[Services]:
    made = Services(settings, connections=10)
    yield made
    made.database.close()


@pytest.fixture(scope="session")
def database(services: Services) -> Database:
    return services.database


@pytest.fixture(autouse=True)
def _no_rows_of_other_tests(database: Database, settings: Settings) -> Iterator[None]:
    yield
    with connect(settings.redis_url.get_secret_value()) as redis:
        redis.flushall()  # which remembers webhooks
    with database.begin() as session:
        session.execute(delete(Job))
        session.execute(delete(Batch))
        session.execute(delete(Delivery))


@pytest.fixture
def no_files_of_other_tests(database: Database) -> Iterator[None]:
    yield
    with database.begin() as session:
        session.execute(delete(File))


@pytest.fixture(scope="session")
def _publisher() -> RecordingPublisher:
    return RecordingPublisher()


@pytest.fixture
def publisher(_publisher: RecordingPublisher) -> RecordingPublisher:
    _publisher.hints.clear()
    return _publisher


@pytest.fixture(scope="session")
def new_app(services: Services, _publisher: RecordingPublisher) -> Iterator[Callable[..., Api]]:
    """Put the API together, with some of its parts replaced."""
    redis = connect(services.settings.redis_url.get_secret_value())

    def make(settings: Settings = services.settings, **replaced: Any) -> Api:
        parts = {
            "database": services.database,
            "publisher": _publisher,
            "redis": redis,
            "bucket": services.bucket,
            "replicate": services.replicate,
        }
        return create_app(settings, **{**parts, **replaced})

    yield make
    redis.close()


@pytest.fixture(scope="session")
def app(new_app: Callable[..., Api]) -> Api:
    return new_app()


@pytest.fixture
def app_on(environ: dict[str, str], new_app: Callable[..., Api]) -> Iterator[Callable[..., Api]]:
    """The API on a pool of its own, that is so large and so patient."""
    url = environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
    with ExitStack() as closing:

        def make(**pool: Any) -> Api:
            database = Database(url, **pool)
            closing.callback(database.close)
            app = new_app(database=database)
            closing.callback(_end, app.watcher)
            return app

        yield make


def _end(watcher: Watcher) -> None:
    """Its thread may be in the middle of a look, with a connection that nobody would close."""
    watcher.end()
    if watcher._thread is not None:
        watcher._thread.join(30)


@pytest.fixture
def new_key(database: Database, settings: Settings) -> Callable[..., str]:
    """Make a key: of this owner, with these scopes and limits."""

    def make(owner: str = "tests", *scopes: str, **limits: Any) -> str:
        pepper = settings.fixative_admin_key.get_secret_value()
        with database.begin() as session:
            return create_key(session, pepper, owner, scopes or SCOPES, **limits).key

    return make


@pytest.fixture
def client_of(app: Api, new_key: Callable[..., str]) -> Callable[..., FlaskClient]:
    """A client with a key: of this owner, with these scopes."""

    def make(owner: str = "tests", *scopes: str) -> FlaskClient:
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {new_key(owner, *scopes)}"
        return client

    return make


@pytest.fixture
def api(client_of: Callable[..., FlaskClient]) -> FlaskClient:
    return client_of()


@pytest.fixture
def admin(app: Api, settings: Settings) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_X_API_KEY"] = settings.fixative_admin_key.get_secret_value()
    return client


@pytest.fixture
def stranger(app: Api) -> FlaskClient:
    """A client without a key, from another machine."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = "203.0.113.7"
    return client


@pytest.fixture
def go(database: Database) -> Callable[..., None]:
    """Move a job step by step."""

    def through(job_id: uuid.UUID, *steps: str) -> None:
        for step in steps:
            with database.begin() as session:
                assert move(session, job_id, step, cause="task")

    return through


@pytest.fixture
def told(database: Database) -> Callable[..., None]:
    """Have a job's prediction tell these things, and move the job step by step."""

    def tell(
        job_id: uuid.UUID,
        *steps: str,
        error: dict[str, Any] | None = None,
        prediction_id: str | None = None,
        **prediction: Any,
    ) -> None:
        with database.begin() as session:
            job = session.get_one(Job, job_id)
            if job.attempt_id is None:
                job.attempt_id = uuid.uuid4()
                session.add(
                    Attempt(
                        id=job.attempt_id,
                        job_id=job_id,
                        number=1,
                        outcome="created",
                        prediction_id=prediction_id or uuid.uuid4().hex[:26],
                        prediction={"status": "processing", **prediction},
                    )
                )
            session.flush()
            for step in steps:
                assert move(session, job_id, step, cause="task", error=error)

    return tell


@pytest.fixture
def submit(api: FlaskClient) -> Callable[..., uuid.UUID]:
    """Submit a job through the API, and give its id."""

    def accepted(**changed: Any) -> uuid.UUID:
        answer = api.post("/jobs", json={"model": "emu/image", "input": {}, **changed})
        assert answer.status_code == 202, answer.text
        return uuid.UUID(answer.json["id"])

    return accepted


@pytest.fixture
def all_jobs(database: Database) -> Callable[[], list[Job]]:
    def read() -> list[Job]:
        with database.begin() as session:
            return list_jobs(session, JobQuery(), before=None, limit=200)

    return read


@pytest.fixture
def refused() -> Callable[[TestResponse, int], Problem]:
    """Read an error: this status, in the shape of all errors."""

    def read(answer: TestResponse, status: int) -> Problem:
        assert answer.status_code == status, answer.text
        assert answer.content_type == "application/problem+json"
        assert answer.headers["X-Request-Id"]
        assert "Traceback" not in answer.text
        problem = Problem.model_validate_json(answer.data)
        assert problem.status == status
        assert (problem.errors is not None) == (status == 422)
        return problem

    return read
