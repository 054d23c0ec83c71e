from typing import Any

import psycopg
import pytest

from fixative.postgres.migrate import downgrade, standing
from fixative.settings import Settings


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
