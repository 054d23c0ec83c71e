"""What a user is told of a job: by `fixative jobs timeline ID`, and on the job's page."""

import html
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, update
from werkzeug.serving import make_server

from api.app import Api
from fixative.cli.main import main
from fixative.postgres.engine import Database
from fixative.postgres.tables import Attempt, Job
from tests.served import served
from worker.services import Services

WIDE = "500"  # columns: no cell is folded
FLUX = "black-forest-labs/flux-schnell"


@pytest.fixture
def command(app: Api, environ: dict[str, str]) -> Iterator[Callable[[uuid.UUID], str]]:
    """What `fixative jobs timeline ID` prints, asked of the API over HTTP."""
    with served(make_server("127.0.0.1", 0, app, threaded=True)) as server:
        told = {
            "FIXATIVE_API_URL": f"http://127.0.0.1:{server.server_port}",
            "FIXATIVE_API_KEY": environ["FIXATIVE_ADMIN_KEY"],
            "COLUMNS": WIDE,
        }

        def run(job_id: uuid.UUID) -> str:
            done = CliRunner().invoke(main, ["jobs", "timeline", str(job_id)], env=told)
            assert done.exit_code == 0, done.output
            return done.output

        yield run


@pytest.fixture
def page(app: Api, environ: dict[str, str]) -> Callable[[uuid.UUID], list[str]]:
    """The rows of the table on the job's page, as text."""

    def read(job_id: uuid.UUID) -> list[str]:
        browser = app.test_client()
        browser.post("/ui/login", data={"key": environ["FIXATIVE_ADMIN_KEY"]})
        answer = browser.get(f"/ui/jobs/{job_id}")
        assert answer.status_code == 200
        table = answer.text.partition('<table class="timeline">')[2].partition("</table>")[0]
        rows = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
        return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in rows]

    return read


@pytest.fixture
def names(
    command: Callable[[uuid.UUID], str], page: Callable[[uuid.UUID], list[str]]
) -> Callable[..., None]:
    """See that both have a line in which all of these words stand."""

    def check(job_id: uuid.UUID, *words: str) -> None:
        for lines in command(job_id).splitlines(), page(job_id):
            assert any(all(word in line for word in words) for line in lines), "\n".join(lines)

    return check


@pytest.fixture
def faulty(emulator: Any, services: Services) -> Callable[..., None]:
    """Have the local Replicate fail in these ways, always; what it has is known from before."""
    services.submitter.models.target_of(FLUX, None, None)
    services.replicate.account()

    def put(*faults: str, **config: Any) -> None:
        told = {"faults": dict.fromkeys(faults, 1), **config}
        emulator.post("/_emulator/config", json=told).raise_for_status()

    return put


@pytest.fixture
def created(submit: Callable[..., uuid.UUID], services: Services) -> Callable[..., uuid.UUID]:
    """A job of which a prediction was to be created."""

    def make(*model: str, **request: Any) -> uuid.UUID:
        job_id = submit(*model, **request)
        services.submitter.submit(job_id)
        return job_id

    return make


@pytest.fixture
def passes(database: Database) -> Callable[..., None]:
    """Let time pass over all jobs and attempts."""

    def back(**time: Any) -> None:
        ago = func.make_interval(0, 0, 0, 0, 0, time.get("minutes", 0), time.get("seconds", 0))
        with database.begin() as session:
            session.execute(
                update(Attempt).values(
                    created_at=Attempt.created_at - ago,
                    ended_at=Attempt.ended_at - ago,
                    listed_at=Attempt.listed_at - ago,
                )
            )
            session.execute(
                update(Job).values(
                    next_attempt_at=Job.next_attempt_at - ago,
                    lease_until=Job.lease_until - ago,
                    deadline=Job.deadline - ago,
                    hinted_at=Job.hinted_at - ago,
                )
            )

    return back
