"""The API on this test's own system, its Replicate the local one."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from api.app import create_app
from fixative.access.keys import create_key
from fixative.names import Hint
from fixative.postgres.engine import Database
from fixative.postgres.tables import Job
from fixative.recovery.poll import ask_about
from fixative.settings import Settings
from fixative.shared import connect
from worker.services import Services

FLUX = "black-forest-labs/flux-schnell"


class NoPublisher:
    """Nobody is hinted."""

    def publish(self, _: list[Hint]) -> None: ...


@pytest.fixture
def client_of(
    services: Services, database: Database, settings: Settings
) -> Iterator[Callable[..., FlaskClient]]:
    """A client of an API with these settings changed, for this owner."""
    redis = connect(settings.redis_url.get_secret_value())

    def make(owner: str = "tests", *scopes: str, replicate: Any = None, **changed: Any) -> Any:
        app = create_app(
            settings.model_copy(update=changed),
            database=database,
            publisher=NoPublisher(),  # type: ignore[arg-type]
            redis=redis,
            bucket=services.bucket,
            replicate=replicate or services.replicate,
        )
        pepper = settings.fixative_admin_key.get_secret_value()
        with database.begin() as session:
            key = create_key(session, pepper, owner, scopes or ("submit", "read")).key
        client = app.test_client()
        client.environ_base["HTTP_X_API_KEY"] = key
        return client

    yield make
    redis.close()


@pytest.fixture
def api(client_of: Callable[..., FlaskClient]) -> FlaskClient:
    return client_of()


@pytest.fixture
def config() -> Callable[..., str]:
    """MODELS_CONFIG as JSON, of these models in our shape."""

    def make(**models: Any) -> str:
        return json.dumps({"models": models})

    return make


@pytest.fixture
def all_jobs(database: Database) -> Callable[[], list[Job]]:
    def read() -> list[Job]:
        with database.begin() as session:
            return list(session.scalars(select(Job).order_by(Job.id)))

    return read


@pytest.fixture
def run(
    services: Services,
    database: Database,
    emulator: httpx.Client,
    eventually: Callable[..., Any],
    attempts_of: Callable[..., Any],
    read_job: Callable[..., Job],
) -> Callable[..., Any]:
    """Have a job submitted, ended and stored, as the workers do."""

    def go(job_id: Any) -> Any:
        services.submitter.submit(job_id)

        def storing() -> bool:
            ask_about(database, services.replicate, attempts_of(job_id)[-1].prediction_id)
            return read_job(job_id).status in {"storing", "succeeded"}

        eventually(storing)
        services.storer.store(job_id)
        assert read_job(job_id).status == "succeeded"
        return job_id

    return go
