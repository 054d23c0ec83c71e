from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from fixative.postgres.migrate import downgrade, standing
from fixative.settings import Settings


@pytest.fixture(params=["SQL_ASCII", "LATIN1"])
def narrow(request: pytest.FixtureRequest, settings: Settings) -> Iterator[tuple[str, str]]:
    """An encoding that cannot hold every text, and the URL of a database that has it."""
    server = settings.database_url.get_secret_value()
    name = f"narrow_{request.param.lower()}"
    with psycopg.connect(server, autocommit=True) as connection:
        made = f"CREATE DATABASE {name} TEMPLATE template0 LOCALE 'C' ENCODING '{request.param}'"
        connection.execute(made)
        yield request.param, f"{server.rpartition('/')[0]}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_pending_migration_is_told_and_then_run(
    run: Any, environ: dict[str, str], settings: Settings
) -> None:
    downgrade(settings.sqlalchemy_url, "0015")

    before = run("migrate", "--check", **environ)
    migrated = run("migrate", **environ)
    after = run("migrate", "--check", **environ)

    code = standing(settings.sqlalchemy_url).code
    pending = int(code or 0) - 15
    assert before.stdout == f"behind: at 0015, {pending} pending up to {code}\n"
    assert before.exit_code == 1
    assert (migrated.exit_code, migrated.stdout) == (0, "migrated\n")
    assert (after.exit_code, after.stdout) == (0, f"up to date: at {code}\n")


def test_an_empty_database_is_behind(run: Any, environ: dict[str, str], settings: Settings) -> None:
    downgrade(settings.sqlalchemy_url)

    result = run("migrate", "--check", **environ)

    assert result.exit_code == 1
    assert result.stdout.startswith("behind: empty, ")


@pytest.mark.parametrize("options", [["--check"], []])
def test_a_database_that_a_later_version_has_migrated_is_ahead_and_will_do(
    run: Any, environ: dict[str, str], options: list[str]
) -> None:
    with psycopg.connect(environ["DATABASE_URL"]) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'later'")

    result = run("migrate", *options, **environ)

    assert result.exit_code == 0
    assert result.stdout.startswith("ahead: at later, this version knows up to ")


def test_a_database_that_is_away_is_one_line(run: Any, environ: dict[str, str]) -> None:
    result = run("migrate", **{**environ, "DATABASE_URL": "postgresql://x@127.0.0.1:1/x"})

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "refused" in result.stderr


def test_a_database_that_cannot_hold_every_text_is_refused_and_left_empty(
    run: Any, environ: dict[str, str], narrow: tuple[str, str]
) -> None:
    encoding, url = narrow

    result = run("migrate", **{**environ, "DATABASE_URL": url})

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert f"DATABASE_URL: the database's encoding is {encoding}" in result.stderr
    with psycopg.connect(url) as connection:
        tables = "SELECT FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(tables).fetchall() == []


def test_the_doctor_says_it_of_such_a_database_too(
    run: Any, environ: dict[str, str], narrow: tuple[str, str]
) -> None:
    encoding, url = narrow

    result = run("doctor", **{**environ, "DATABASE_URL": url})

    assert result.exit_code == 1
    assert f"the database's encoding is {encoding}" in result.stdout
