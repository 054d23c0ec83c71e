"""After a failover the old primary lives on as a standby: it answers, and takes no writes."""

import pytest
from sqlalchemy import text

from fixative.errors import DatabaseAway
from fixative.postgres.prepared import Prepared

NOTED = Prepared(text("INSERT INTO workers (name, pid) VALUES (CAST(:name AS text), 1)"))


def note_by_session(database, name):
    with database.begin() as session:
        session.execute(text("INSERT INTO workers (name, pid) VALUES (:name, 1)"), {"name": name})


def note_by_psycopg(database, name):
    with database.begin() as session:
        NOTED.all(session, name=name)


def note_alone(database, name):
    database.alone(NOTED, name=name)


@pytest.fixture(params=[note_by_session, note_by_psycopg, note_alone])
def note(request):
    return request.param


def test_it_is_told_as_away_and_the_next_connection_may_find_the_new_primary(single, note):
    note(single, "before")
    with single.begin() as session:
        session.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))

    with pytest.raises(DatabaseAway, match="read-only"):
        note(single, "meanwhile")
    note(single, "after")

    with single.begin() as session:
        names = session.scalars(text("SELECT name FROM workers ORDER BY name"))
        assert list(names) == ["after", "before"]
