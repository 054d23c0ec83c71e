"""A server of files from which this system may fetch."""

from dataclasses import replace

import pytest

from fixative.jobs.store import media_of
from fixative.media.decoding.process import Decoder, Limits
from tests.media.serving import file_server


@pytest.fixture(scope="session")
def server():
    with file_server() as running:
        yield running


@pytest.fixture
def environ(environ, server):
    allowed = f"{environ['FIXATIVE_ALLOWED_OUTPUT_HOSTS']},{server.origin}"
    return {**environ, "FIXATIVE_ALLOWED_OUTPUT_HOSTS": allowed}


@pytest.fixture
def stored(services, server, storing):
    """A job whose output is these files, stored and due to be derived."""

    def make(*contents):
        names = enumerate(contents, len(server.files))
        urls = [server.add(f"{n}.dat", "application/octet-stream", content) for n, content in names]
        job_id = storing("emulator/echo", input={"value": urls})
        services.storer.store(job_id)
        return job_id

    return make


@pytest.fixture
def media(database, read_job):
    """All media of the job's newest attempt."""

    def of(job_id):
        with database.begin() as session:
            return media_of(session, read_job(job_id))

    return of


@pytest.fixture
def deriver_within(services):
    """A deriver whose decoder has these limits."""
    made = []

    def within(**limits):
        made.append(Decoder(Limits(**limits)))
        return replace(services.deriver, decoder=made[-1])

    yield within
    for decoder in made:
        decoder.close()
