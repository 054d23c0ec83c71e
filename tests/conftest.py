"""Real servers for every test: started once, with a database of its own for each."""

import re
import secrets
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest
from redis import Redis
from sqlalchemy import select, update

from api.app import Api, create_app
from fixative.access.owners import ensure_owner
from fixative.catalog.price import Price
from fixative.catalog.terms import Terms
from fixative.jobs import admit as admission
from fixative.jobs.accept import JobRequest, accept
from fixative.local.servers import embedded_servers
from fixative.names import Hint
from fixative.postgres.engine import Database
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.poll import ask_about
from fixative.replicate.pace import Pace
from fixative.settings import Settings, load_settings
from fixative.shared import connect
from tests.databases import Databases
from tests.processes import parent_of, standing_still
from tests.waiting import waited_for
from worker.services import Services


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Postgres, Valkey and S3, by the variables that name them."""
    with embedded_servers(tmp_path_factory.mktemp("servers") / "data", durable=False) as variables:
        yield variables


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a run of tests may be asked for."""
    parser.addoption(
        "--jobs-by-month",
        action="store_true",
        help="every database has jobs partitioned, as deploy/postgres does it",
    )


@pytest.fixture(scope="session")
def databases(servers: dict[str, str], request: pytest.FixtureRequest) -> Databases:
    """Where databases come from, and go when they are not used any more."""
    by_month: bool = request.config.getoption("--jobs-by-month")
    return Databases(servers["DATABASE_URL"], jobs_by_month=by_month)


@pytest.fixture
def stopped_postgres(servers: dict[str, str]) -> Callable[[], AbstractContextManager[None]]:
    """Stop Postgres and all its backends for a block; their kernel goes on acknowledging."""

    def stopped() -> AbstractContextManager[None]:
        with psycopg.connect(servers["DATABASE_URL"]) as connection:
            postmaster = parent_of(connection.info.backend_pid)
        assert postmaster
        return standing_still(postmaster)

    return stopped


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A migrated, empty database; nobody else works on it."""
    url = databases.take()
    yield url
    databases.give_back(url)


@pytest.fixture
def unused_database_url(databases: Databases) -> Iterator[str]:
    """A migrated database that had no row yet, and that no test gets afterwards."""
    url = databases.make()
    yield url
    databases.drop(url)


@pytest.fixture(scope="session")
def local_replicate() -> Iterator[str]:
    """The local Replicate as a process; its origin."""
    command = [sys.executable, "-m", "replicate_emulator", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found, "the local Replicate did not start"
    yield found[0]
    process.terminate()
    process.wait(60)
    process.stdout.close()


@pytest.fixture(scope="session")
def emulator_client(local_replicate: str) -> Iterator[httpx.Client]:
    """Made once: each would read all the certificates that there are."""
    with httpx.Client(base_url=local_replicate, timeout=10) as client:
        yield client


@pytest.fixture
def emulator(emulator_client: httpx.Client) -> httpx.Client:
    """The local Replicate's control routes, everything forgotten and fast."""
    emulator_client.post("/_emulator/reset").raise_for_status()
    fast = {"latency": {"*": {"start": 0.01, "run": 0.05}}, "creates_per_minute": 60000}
    emulator_client.post("/_emulator/config", json=fast).raise_for_status()
    return emulator_client


@pytest.fixture
def environ(
    servers: dict[str, str],
    database_url: str,
    local_replicate: str,
    emulator: httpx.Client,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """The variables of a process of this test's own system; no webhooks are asked for."""
    assert emulator.base_url == local_replicate  # as it was started: no fault of an earlier test
    Redis.from_url(servers["REDIS_URL"]).flushall()
    return {
        **servers,
        "DATABASE_URL": database_url,
        "S3_PREFIX": f"test-{secrets.token_hex(6)}",  # a bucket that knows this test only
        "REPLICATE_API_TOKEN": "r8_test",
        "REPLICATE_BASE_URL": local_replicate,
        "FIXATIVE_ALLOWED_OUTPUT_HOSTS": local_replicate,
        "FIXATIVE_ADMIN_KEY": "fx_admin_key_of_the_tests",
        "FIXATIVE_CREATES_PER_MINUTE": "60000",
        "FIXATIVE_DATA_DIR": "/nonexistent",
        "OUTPUT_DIR": str(tmp_path_factory.mktemp("records")),
    }


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    """The settings of this test's own system."""
    return load_settings(environ)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """What a worker's tasks call, on this test's own system."""
    made = Services(settings, connections=10)
    yield made
    made.close()


@pytest.fixture
def database(services: Services) -> Database:
    """This test's own database."""
    return services.database


@pytest.fixture
def app_with(
    services: Services,
    settings: Settings,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Api]]:
    """The API with these settings changed."""
    opened = []
    for name, value in environ.items():
        monkeypatch.setenv(name, value)  # Celery's own configuration looks there

    def make(**changed: Any) -> Api:
        told = settings.model_copy(update=changed)
        opened.append(connect(told.redis_url.get_secret_value()))
        return create_app(
            told,
            database=services.database,
            publisher=Services(told, connections=1).publisher,
            redis=opened[-1],
            bucket=services.bucket,
            replicate=services.replicate,
        )

    yield make
    for redis in opened:
        redis.close()


@pytest.fixture
def app(app_with: Callable[..., Api]) -> Api:
    return app_with()


@pytest.fixture
def owner_id(database: Database) -> uuid.UUID:
    """An owner to submit for."""
    with database.begin() as session:
        return ensure_owner(session, "tests").id


@pytest.fixture
def submit(database: Database, owner_id: uuid.UUID) -> Callable[..., uuid.UUID]:
    """Accept a job, one image unless told otherwise; its id. Nobody is hinted."""

    def accepted(model: str = "black-forest-labs/flux-schnell", **request: Any) -> uuid.UUID:
        asked = {"input": {"prompt": "a cat"}, "owner": owner_id, **request}
        owner = asked.pop("owner")
        with database.begin() as session:
            return accept(session, JobRequest(model=model, **asked), owner).job.id

    return accepted


@pytest.fixture
def submit_priced(database: Database, owner_id: uuid.UUID) -> Callable[..., uuid.UUID]:
    """Accept a job at a price, by the second unless told otherwise; its id."""

    def submit(
        max_cost: str | None = "1",
        *,
        price: dict[str, str] | None = None,
        key: uuid.UUID | None = None,
        owner: uuid.UUID | None = None,
        **request: Any,
    ) -> uuid.UUID:
        terms = Terms(
            price=Price.model_validate(price or {"per_second": "0.003"}),
            max_cost=None if max_cost is None else Decimal(max_cost),
        )
        asked = JobRequest(
            **{"model": "black-forest-labs/flux-schnell", "input": {"prompt": "a cat"}, **request}
        )
        with database.begin() as session:
            return accept(session, asked, owner or owner_id, terms=terms, api_key_id=key).job.id

    return submit


@pytest.fixture
def admit(database: Database) -> Callable[[Pace], tuple[list[Hint], bool]]:
    """Admission, once the hints of jobs just accepted have had their second."""

    def run(pace: Pace) -> tuple[list[Hint], bool]:
        with database.begin() as session:
            earlier = {"hinted_at": Job.hinted_at - timedelta(seconds=2)}
            session.execute(update(Job).values(earlier))
        return admission.admit(database, pace)

    return run


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Wait for a condition to hold, and give what it found; fail when it never does."""
    return partial(waited_for, pause=0.02)


@pytest.fixture
def attempts_of(database: Database) -> Callable[[uuid.UUID], list[Attempt]]:
    """The job's attempts as they are now, first to last."""

    def read(job_id: uuid.UUID) -> list[Attempt]:
        found = select(Attempt).where(Attempt.job_id == job_id).order_by(Attempt.number)
        with database.begin() as session:
            return list(session.scalars(found))

    return read


@pytest.fixture
def read_job(database: Database) -> Callable[[uuid.UUID], Job]:
    """The job's row as it is now."""

    def read(job_id: uuid.UUID) -> Job:
        with database.begin() as session:
            return session.get_one(Job, job_id)

    return read


@pytest.fixture
def storing(
    services: Services,
    database: Database,
    submit: Callable[..., uuid.UUID],
    attempts_of: Callable[[uuid.UUID], list[Attempt]],
    eventually: Callable[[Callable[[], Any]], Any],
    read_job: Callable[[uuid.UUID], Job],
) -> Callable[..., uuid.UUID]:
    """A job whose prediction has succeeded, ready to be stored."""

    def make(*model: str, **request: Any) -> uuid.UUID:
        job_id = submit(*model, **request)
        services.submitter.submit(job_id)
        prediction_id = attempts_of(job_id)[0].prediction_id

        def arrived() -> bool:
            ask_about(database, services.replicate, prediction_id)
            return read_job(job_id).status == "storing"

        eventually(arrived)
        return job_id

    return make
