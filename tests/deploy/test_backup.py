"""deploy/backup on a real database: what is dumped comes back, and a week of dumps is kept."""

import os
import subprocess
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.databases import POSTGRES_PROGRAMS

pytestmark = pytest.mark.wide

SCRIPTS = Path(__file__).parents[2] / "deploy" / "backup"
DAY = 86_400
VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}


@pytest.fixture
def libpq(unused_database_url):
    """Where the test's own database is, in libpq's variables; a backup beside it is removed."""
    parts = conninfo_to_dict(unused_database_url)
    yield {VARIABLES[name]: str(value) for name, value in parts.items() if name in VARIABLES}
    with _administering(unused_database_url) as connection:
        beside = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{parts['dbname']}\\_%"]
        )
        for (name,) in beside.fetchall():
            connection.execute(f"DROP DATABASE {name}")


@pytest.fixture
def run(libpq, tmp_path):
    """Run one of the scripts; what it said, or the error."""

    def script(name, *arguments, **environ):
        return subprocess.run(
            [SCRIPTS / name, *arguments],
            env={
                "PATH": f"{POSTGRES_PROGRAMS}:{os.environ['PATH']}",
                "BACKUP_DIR": str(tmp_path),
                **libpq,
                **environ,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return script


def test_a_restored_dump_is_the_database_as_it_was_and_the_other_stays_beside_it(
    run, unused_database_url
):
    _add_owner(unused_database_url, "before")
    dump = run("backup.sh").stdout.strip()
    _add_owner(unused_database_url, "after")

    restored = run("restore.sh", dump)

    assert restored.returncode == 0, restored.stderr
    assert _owners(unused_database_url) == {"before"}
    beside = restored.stdout.split()[-1]
    assert _owners(f"{unused_database_url.rpartition('/')[0]}/{beside}") == {"before", "after"}


@pytest.mark.wide  # Postgres gives them five seconds to leave
def test_while_somebody_uses_the_database_nothing_is_restored(run, unused_database_url):
    dump = run("backup.sh").stdout.strip()
    _add_owner(unused_database_url, "after")

    with psycopg.connect(unused_database_url):
        restored = run("restore.sh", dump)

    assert restored.returncode != 0
    assert "being accessed by other users" in restored.stderr
    assert _owners(unused_database_url) == {"after"}


def test_a_dump_that_is_cut_off_is_not_restored(run, unused_database_url, tmp_path):
    dump = Path(run("backup.sh").stdout.strip())
    cut = tmp_path / "cut.dump"
    cut.write_bytes(dump.read_bytes()[: dump.stat().st_size // 2])
    _add_owner(unused_database_url, "after")

    assert run("restore.sh", cut).returncode != 0
    assert _owners(unused_database_url) == {"after"}


def test_dumps_are_kept_for_seven_days_and_are_nobody_elses_to_read(run, tmp_path):
    older, younger = _old_dump(tmp_path, days=7.1), _old_dump(tmp_path, days=6.9)

    dump = Path(run("backup.sh").stdout.strip())

    assert set(tmp_path.iterdir()) == {younger, dump}
    assert not older.exists()
    assert dump.stat().st_mode & 0o077 == 0


def test_a_database_that_cannot_be_dumped_costs_no_earlier_dump(run, tmp_path):
    older = _old_dump(tmp_path, days=30)

    failed = run("backup.sh", PGDATABASE="no_such_database")

    assert failed.returncode != 0
    assert [path for path in tmp_path.iterdir() if path.suffix == ".dump"] == [older]


def _old_dump(directory, *, days):
    path = directory / f"fixative-{days}.dump"
    path.write_bytes(b"old")
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path


def _add_owner(url, name):
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO owners (id, name) VALUES (gen_random_uuid(), %s)", [name])


def _owners(url):
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM owners")}


def _administering(url):
    return psycopg.connect(f"{url.rpartition('/')[0]}/postgres", autocommit=True)
