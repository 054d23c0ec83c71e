"""The whole system, with TLS on every way to Postgres and Redis."""

from urllib.parse import urlsplit

import pytest

from tests.authority import make_authority
from tests.tls import tls_before


@pytest.fixture
def secured(servers, databases, tmp_path):
    """Postgres and Redis that speak TLS only, by the variables that name them."""
    authority, url = make_authority(tmp_path), databases.make()
    postgres, redis = urlsplit(url), urlsplit(servers["REDIS_URL"])
    ca = authority.certificate
    with (
        tls_before(postgres.port, authority.tls, postgres=True) as postgres_port,
        tls_before(redis.port, authority.tls) as redis_port,
    ):
        login = f"{postgres.username}:{postgres.password}@127.0.0.1:{postgres_port}"
        yield {
            "DATABASE_URL": f"postgresql://{login}{postgres.path}"
            f"?sslmode=verify-full&sslrootcert={ca}",
            "REDIS_URL": f"rediss://:{redis.password}@127.0.0.1:{redis_port}/0?ssl_ca_certs={ca}",
        }
    databases.drop(url)


def test_jobs_are_done_where_postgres_and_redis_speak_tls_only(start, secured):
    system = start(**secured)
    jobs = [system.submit(prompt=f"cat {n}") for n in range(3)]

    assert {job["status"] for job in system.all_ended(jobs)} == {"succeeded"}
    state = system.api.get("/admin/state").raise_for_status().json()
    assert state["workers"]
    told = system.fixative("doctor")
    for server in ("Postgres", "Redis"):
        assert f"{server}: encrypted, certificate verified" in told
