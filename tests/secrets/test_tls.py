"""Postgres and Redis over TLS: what is verified goes through, what is not is refused."""

from urllib.parse import urlsplit

import pytest
from redis.exceptions import RedisError
from sqlalchemy import text

from fixative.errors import DatabaseAway
from fixative.names import CREATE_PREDICTION, Hint
from fixative.postgres.engine import Database
from fixative.settings import load_settings
from fixative.shared import connect
from tests.authority import make_authority
from tests.tls import tls_before
from worker.publisher import Publisher

pytestmark = pytest.mark.wide


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """Another authority, that has signed nothing here."""
    return make_authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def postgres(authority, database_url):
    """This test's database behind TLS, by what is said of TLS and by the host's name."""
    parts = urlsplit(database_url)
    with tls_before(parts.port, authority.tls, postgres=True) as port:

        def url(query, host="127.0.0.1"):
            return parts._replace(
                netloc=f"{parts.username}:{parts.password}@{host}:{port}", query=query
            ).geturl()

        yield url


@pytest.fixture
def redis(authority, servers):
    """The same for Redis."""
    parts = urlsplit(servers["REDIS_URL"])
    with tls_before(parts.port, authority.tls) as port:

        def url(query, host="127.0.0.1"):
            netloc = f":{parts.password}@{host}:{port}"
            return parts._replace(scheme="rediss", netloc=netloc, query=query).geturl()

        yield url


def is_encrypted(url, environ):
    database = Database.of(load_settings({**environ, "DATABASE_URL": url}), connections=1)
    try:
        with database.begin() as session:
            return (
                session.connection().connection.driver_connection.pgconn.ssl_in_use,
                session.scalar(text("SELECT 1")),
            )
    finally:
        database.close()


def test_postgres_with_a_certificate_of_the_authority_is_connected_to(postgres, authority, environ):
    verified = f"sslmode=verify-full&sslrootcert={authority.certificate}"

    assert is_encrypted(postgres(verified), environ) == (True, 1)


def test_postgres_of_another_authority_or_under_another_name_is_not(
    postgres, authority, stranger, environ
):
    of_another = postgres(f"sslmode=verify-full&sslrootcert={stranger.certificate}")
    by_name = f"sslmode=verify-full&sslrootcert={authority.certificate}"

    with pytest.raises(DatabaseAway, match="certificate verify failed"):
        is_encrypted(of_another, environ)
    with pytest.raises(DatabaseAway, match="does not match host name"):
        is_encrypted(postgres(by_name, host="localhost"), environ)


def pinged(url, environ):
    told = load_settings({**environ, "REDIS_URL": url})
    with connect(told.redis_url.get_secret_value()) as client:
        return client.ping()


def published(url, environ, monkeypatch):
    """Whether a hint reaches its queue, as Celery takes the same address."""
    told = {**environ, "REDIS_URL": url}
    for name, value in told.items():
        monkeypatch.setenv(name, value)  # Celery's own configuration looks there
    publisher = Publisher(load_settings(told))
    publisher.publish([Hint(CREATE_PREDICTION, {"job_id": "any"})])
    return publisher


def test_redis_with_a_certificate_of_the_authority_is_spoken_to_by_us_and_by_celery(
    redis, authority, environ, monkeypatch
):
    url = redis(f"ssl_ca_certs={authority.certificate}")

    assert pinged(url, environ)
    assert published(url, environ, monkeypatch).queue_lengths()["submit"] == 1


@pytest.mark.parametrize("query", ["ssl_ca_certs={}", ""])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_redis_that_is_not_verified_is_spoken_to_by_neither(
    redis, servers, authority, stranger, environ, monkeypatch, query, host
):
    trusted = stranger if host == "127.0.0.1" else authority
    url = redis(query.format(trusted.certificate), host=host)

    with pytest.raises(RedisError, match=r"(?i)certificate"):
        pinged(url, environ)
    published(url, environ, monkeypatch)
    with connect(servers["REDIS_URL"]) as plain:
        assert plain.keys("*submit*") == []
