"""Each role of deploy/postgres may do its own work and no other's."""

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from fixative.postgres.migrate import differences, downgrade, standing, upgrade
from tests.deploy.roles import give_roles


@pytest.fixture
def roles(unused_database_url):
    return give_roles(unused_database_url)


@pytest.fixture
def does(roles):
    """Do one statement in a role; what it gives."""

    def do(role, statement):
        with psycopg.connect(roles[role], autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    return do


MAKES_OR_ENDS = (
    "CREATE TABLE more (id int)",
    "CREATE SCHEMA more",
    "CREATE INDEX more ON jobs (label)",
    "ALTER TABLE jobs ADD COLUMN more int",
    "DROP TABLE jobs",
    "DROP INDEX ix_deliveries_due",
    "TRUNCATE transitions",
    "CREATE ROLE more",
    "CREATE DATABASE more",
    "COPY jobs TO PROGRAM 'cat'",
    "UPDATE alembic_version SET version_num = '0001'",
)


@pytest.mark.parametrize("role", ["fixative_app", "fixative_read"])
def test_who_only_works_with_rows_makes_and_ends_no_table(does, role):
    for statement in MAKES_OR_ENDS:
        with pytest.raises(InsufficientPrivilege):
            does(role, statement)


def test_the_app_reads_and_writes_every_table_and_has_tables_that_end_with_it(does, roles):
    tables = does("fixative_owner", "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 20
    for (table,) in tables:
        does("fixative_app", f"SELECT FROM {table}")
        if table != "alembic_version":
            does("fixative_app", f"DELETE FROM {table}")
    does("fixative_app", "CREATE TEMPORARY TABLE listed (key text)")


def test_who_reads_sees_jobs_and_no_keys_and_changes_nothing(does):
    assert does("fixative_read", "SELECT count(*) FROM jobs") == [(0,)]
    for statement in ("SELECT FROM api_keys", "DELETE FROM jobs", "CREATE TEMPORARY TABLE a ()"):
        with pytest.raises(InsufficientPrivilege):
            does("fixative_read", statement)


def test_the_owner_migrates_and_what_it_makes_is_for_the_others_too(does, roles):
    url = roles["fixative_owner"].replace("postgresql://", "postgresql+psycopg://")
    downgrade(url, "0008")  # without batches

    upgrade(url)

    assert standing(url).behind == 0
    assert differences(url) == []
    does("fixative_app", "DELETE FROM batches")
    does("fixative_read", "SELECT FROM batches")


def test_given_again_nothing_changes(roles, unused_database_url, does):
    give_roles(unused_database_url)

    assert does("fixative_app", "SELECT count(*) FROM jobs") == [(0,)]
