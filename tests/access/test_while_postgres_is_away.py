"""While nobody can look keys up, who was recognised lately may read on, and nothing more."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from flask import request
from werkzeug.exceptions import Unauthorized

from api.auth import BELIEVED_SECONDS, REMEMBERED_SECONDS, Keys
from fixative.access.keys import revoke_key
from fixative.errors import DatabaseAway
from fixative.postgres.engine import Database

ADMIN = "fx_admin_key_of_the_tests"


@pytest.fixture
def clock():
    class Clock:
        now = 1000.0

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def away(environ):
    """A database that answers until it is told not to."""

    class Leaving(Database):
        gone = False

        def begin(self, *patience):
            if self.gone:
                raise DatabaseAway("gone")
            return super().begin(*patience)

    url = environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
    leaving = Leaving(url, connections=2)
    yield leaving
    leaving.close()


@pytest.fixture
def recognised(app, away, clock):
    """Whether a key is recognised for a scope."""
    keys = Keys(away, ADMIN, None, clock=clock)

    def look(key, scope="read"):
        with app.test_request_context(headers={"X-API-Key": key}):
            return keys.caller_of(request, scope).owner_id

    look.keys = keys
    return look


def test_who_was_recognised_may_read_on_for_five_minutes_and_do_nothing_else(
    recognised, new_key, away, clock
):
    key = new_key("gallery", "read", "submit")
    owner = recognised(key)
    away.gone = True

    assert recognised(key, "submit") == owner  # remembered, as ever
    clock.now += REMEMBERED_SECONDS + 1
    assert recognised(key) == owner
    with pytest.raises(DatabaseAway):
        recognised(key, "submit")
    with pytest.raises(DatabaseAway):
        recognised(new_key("gallery"))
    clock.now += BELIEVED_SECONDS
    with pytest.raises(DatabaseAway):
        recognised(key)
    away.gone = False
    assert recognised(key) == owner


def test_a_key_that_has_ended_by_itself_meanwhile_is_not_believed(
    recognised, new_key, away, clock, eventually
):
    ends_at = datetime.now(UTC) + timedelta(seconds=2)
    key = new_key("gallery", "read", expires_at=ends_at)
    recognised(key)
    away.gone = True
    clock.now += REMEMBERED_SECONDS

    def refused():
        try:
            return not recognised(key)
        except DatabaseAway:
            return True

    eventually(refused)
    assert time.time() >= ends_at.timestamp()


def test_whether_a_key_still_opens_is_no_while_it_is_revoked_and_yes_while_nobody_knows(
    recognised, new_key, away, clock, database
):
    key = new_key("gallery", "read")
    keys = recognised.keys
    assert keys.still_opens(key, "read")
    assert not keys.still_opens(key, "submit")
    clock.now += REMEMBERED_SECONDS + BELIEVED_SECONDS
    away.gone = True
    assert keys.still_opens(key, "read")
    away.gone = False
    with database.begin() as session:
        revoke_key(session, key[:11])

    assert not keys.still_opens(key, "read")
    with pytest.raises(Unauthorized):
        recognised(key)
