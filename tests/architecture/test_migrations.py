"""The migrations make the tables that the code expects, and can be taken back."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from fixative.postgres.migrate import differences, downgrade, standing, upgrade


@pytest.fixture
def url(database_url):
    """A migrated, empty database, as SQLAlchemy names it."""
    return "postgresql+psycopg://" + database_url.partition("://")[2]


def test_there_is_one_head(root):
    config = Config()
    config.set_main_option("script_location", str(root / "fixative/postgres/migrations"))
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


def test_a_migrated_database_has_the_tables_of_the_code(url):
    assert differences(url) == []


def test_every_migration_can_be_taken_back_and_made_again(url):
    downgrade(url)
    assert standing(url).behind
    upgrade(url)
    assert not standing(url).behind
    assert differences(url) == []


def test_two_that_start_together_migrate_one_after_the_other(url):
    downgrade(url)

    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:  # Alembic has globals
        list(pool.map(upgrade, [url, url]))

    assert not standing(url).behind
    assert differences(url) == []


def test_an_index_whose_build_was_broken_off_is_built_again(url):
    downgrade(url, "0009")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE INDEX ix_jobs_batch ON jobs (label)")

    upgrade(url)

    assert differences(url) == []


def test_a_database_that_a_later_version_has_migrated_stays_as_it_is(url):
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'later'")

    upgrade(url)

    assert not standing(url).behind
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            ("later",)
        ]
