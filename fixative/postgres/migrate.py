"""Migrations: the tables of a database brought to what this code expects."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from fixative.errors import DatabaseAway, WrongSetting
from fixative.postgres.base import Table
from fixative.postgres.media_tables import Media
from fixative.postgres.model_tables import ModelState
from fixative.postgres.money_tables import Budget
from fixative.postgres.notification_tables import Notification
from fixative.postgres.operation_tables import Tick
from fixative.postgres.sync_tables import SyncRun
from fixative.postgres.tables import Job

# One of each module of tables, so that every table is known.
MODULES = (Budget, Job, Media, ModelState, Notification, SyncRun, Tick)


@dataclass(frozen=True)
class Standing:
    """Where a database stands, and where this code would have it; None is an empty database."""

    database: str | None
    code: str | None
    behind: int  # migrations that are yet to be run
    ahead: bool  # only a later version's code knows where the database stands


def upgrade(sqlalchemy_url: str, revision: str = "head") -> None:
    """Migrate to `revision`. Safe to run twice, and beside a running system.

    One that has it, or that a later version has migrated, is left as it is: this version runs
    beside it. Raises DatabaseAway when Postgres does not answer, WrongSetting when the database
    cannot hold every text.
    """
    found = standing(sqlalchemy_url)
    if found.ahead or not found.behind:
        return  # with no lock, which a pooler by transaction would keep for somebody else
    try:
        command.upgrade(_config(sqlalchemy_url), revision)
    except OperationalError as error:
        raise DatabaseAway(str(error).splitlines()[0]) from error


def downgrade(sqlalchemy_url: str, revision: str = "base") -> None:
    """Go back to `revision`; `base` drops every table."""
    command.downgrade(_config(sqlalchemy_url), revision)


def standing(sqlalchemy_url: str) -> Standing:
    """How the database stands to this code. Raises as `upgrade` does."""
    scripts = ScriptDirectory.from_config(_config(sqlalchemy_url))
    revision, code = _revision(sqlalchemy_url), scripts.get_current_head()
    down_to_none = [script.revision for script in scripts.walk_revisions()]  # the newest first
    if revision is None:
        return Standing(None, code, behind=len(down_to_none), ahead=False)
    if revision not in down_to_none:
        return Standing(revision, code, behind=0, ahead=True)
    return Standing(revision, code, behind=down_to_none.index(revision), ahead=False)


def differences(sqlalchemy_url: str) -> list[object]:
    """What a migrated database has otherwise than the code's tables; empty when they agree."""
    engine = _engine(sqlalchemy_url)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), Table.metadata)
    engine.dispose()
    return list(found)


def _revision(sqlalchemy_url: str) -> str | None:
    engine = _engine(sqlalchemy_url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise DatabaseAway(str(error).splitlines()[0]) from error
    finally:
        engine.dispose()


def _engine(sqlalchemy_url: str) -> Engine:
    engine = create_engine(sqlalchemy_url)
    # Before SQLAlchemy's own look at the server, which reads bytes from SQL_ASCII and breaks.
    event.listen(engine, "connect", _refuse_other_encodings, insert=True)
    return engine


def _refuse_other_encodings(connection: Any, _record: object) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise WrongSetting(
            f"DATABASE_URL: the database's encoding is {encoding}, which cannot hold every prompt: "
            "create one with TEMPLATE template0 ENCODING 'UTF8'"
        )


def _config(sqlalchemy_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("sqlalchemy.url", sqlalchemy_url.replace("%", "%%"))
    return config
