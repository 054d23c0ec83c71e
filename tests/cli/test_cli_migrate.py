from typing import Any

from fixative.postgres.migrate import downgrade
from fixative.settings import Settings


def test_a_pending_migration_is_told_and_then_run(
    run: Any, environ: dict[str, str], settings: Settings
) -> None:
    downgrade(settings.sqlalchemy_url)

    before = run("migrate", "--check", **environ)
    migrated = run("migrate", **environ)
    after = run("migrate", "--check", **environ)

    assert (before.exit_code, before.stdout) == (1, "a migration is pending\n")
    assert (migrated.exit_code, migrated.stdout) == (0, "migrated\n")
    assert (after.exit_code, after.stdout) == (0, "up to date\n")


def test_a_database_that_is_away_is_one_line(run: Any, environ: dict[str, str]) -> None:
    result = run("migrate", **{**environ, "DATABASE_URL": "postgresql://x@127.0.0.1:1/x"})

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "refused" in result.stderr
