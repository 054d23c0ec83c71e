"""A whole system through PgBouncer, a connection to Postgres for each transaction."""

import psycopg
import pytest

from fixative.postgres.engine import Database
from tests.system.pooled import pooled


@pytest.fixture
def pool(database_url, tmp_path):
    directory = tmp_path / "pgbouncer"
    directory.mkdir()
    with pooled(database_url, directory) as running:
        yield running


@pytest.mark.timeout(400)
def test_jobs_are_done_through_few_connections_to_postgres(start, pool, database_url):
    prepared = str(pool.prepared).lower()
    system = start(DATABASE_URL=pool.url, FIXATIVE_PREPARED_STATEMENTS=prepared)

    jobs = [system.submit() for _ in range(40)]
    ended = system.all_ended(jobs, patience=300)

    assert {job["status"] for job in ended} == {"succeeded"}
    assert system.creates_of(jobs) == {1}
    system.assert_stored(ended[0])
    with psycopg.connect(database_url) as direct:
        [servers] = direct.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert 0 < servers <= pool.servers < pool.clients()
    logs = "".join(path.read_text() for path in (system.data_dir / "logs").iterdir())
    assert "prepared statement" not in logs


def test_a_lock_is_one_process_s_also_through_the_pooler(pool, settings, eventually):
    url = pool.url.replace("postgresql://", "postgresql+psycopg://")
    one, other = (Database(url, connections=2, prepared=pool.prepared) for _ in range(2))
    try:
        with one.locked(7) as first, other.locked(7) as second:
            assert (first, second) == (True, False)
            with one.begin(), other.begin():
                pass
        with other.locked(7) as again:
            assert again
    finally:
        one.close()
        other.close()
