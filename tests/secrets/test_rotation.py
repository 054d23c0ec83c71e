"""Whoever is refused with an old secret goes on with the new one, without a restart."""

import json
import math
import secrets
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import text
from standardwebhooks import Webhook

from api.webhook_secret import WebhookSecret
from fixative.errors import BadSignature, DatabaseAway, Refused
from fixative.postgres.engine import Database
from fixative.replicate.client import Replicate
from fixative.replicate.pace import pace_of
from fixative.replicate.target import Target
from fixative.rotating import RotatingSecret
from fixative.settings import load_settings
from fixative.shared import Shared, connect

OLD, NEW = "whsec_b2xkLW9sZC1vbGQtb2xk", "whsec_bmV3LW5ldy1uZXctbmV3"
PREDICTION = json.dumps(
    {"id": "p", "status": "starting", "created_at": "2026-01-02T03:04:05Z"}
).encode()


@pytest.fixture
def accept(emulator):
    """Say which tokens the local Replicate takes."""

    def these(*tokens):
        emulator.post("/_emulator/config", json={"tokens": list(tokens)}).raise_for_status()

    return these


@pytest.fixture
def settings(environ, file, accept):
    """A system whose token lies in a file."""
    file.write_text("r8_old")
    accept("r8_old")
    return load_settings(
        {**environ, "REPLICATE_API_TOKEN": "", "REPLICATE_API_TOKEN_FILE": str(file)}
    )


@pytest.fixture
def replicate(settings, file):
    """An account whose token is looked at by those alone who were refused with it."""
    token = RotatingSecret(
        "REPLICATE_API_TOKEN", "r8_old", file.read_text, look_seconds=math.inf, again_seconds=0.0
    )
    made = Replicate(settings.replicate_base_url, token)
    yield made
    made.close()


def create(replicate):
    return replicate.create(
        Target("black-forest-labs/flux-schnell"),
        {"prompt": "a cat"},
        webhook=None,
        cancel_after=60,
        begin_by=math.inf,
    )


def test_a_create_that_is_refused_with_the_old_token_is_made_once_with_the_new_one(
    replicate, accept, file, emulator
):
    create(replicate)
    accept("r8_new")
    file.write_text("r8_new")

    create(replicate)

    assert emulator.get("/_emulator/stats").json()["creates"]["total"] == 2


def test_a_token_that_is_refused_and_was_not_rotated_is_refused(replicate, accept):
    accept("r8_new")

    with pytest.raises(Refused, match=r"^401"):
        create(replicate)


def test_a_file_that_is_sent_piece_by_piece_is_refused_once_and_then_taken(replicate, accept, file):
    accept("r8_new")
    file.write_text("r8_new")

    def upload():
        return replicate.upload("a.txt", "text/plain", 5, iter([b"he", b"llo"]))

    with pytest.raises(Refused, match=r"^401"):
        upload()
    assert replicate.account()
    assert upload().startswith("http")


def test_what_the_old_token_was_held_for_the_new_one_is_not(settings, file, servers, eventually):
    redis = connect(servers["REDIS_URL"])
    creates = pace_of(Shared(redis), settings, "creates")
    creates.hold("token")
    assert creates.take().reason == "token"

    file.write_text("r8_new")

    assert eventually(lambda: creates.take().granted)
    redis.close()


@pytest.fixture
def role(database_url):
    """A role of this test's own that may log in: its name, its URL, and who may change it."""
    name = f"role_{secrets.token_hex(4)}"
    with psycopg.connect(database_url, autocommit=True) as administrator:

        def give(password):
            administrator.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), password)
            )
            administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [name]
            )

        administrator.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        give("old-password")
        place = database_url.rpartition("@")[2]
        yield give, lambda password: f"postgresql://{name}:{password}@{place}"
        administrator.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture
def logged_in(role, environ, file):
    """A database that is logged in to as that role, by a password in a file."""
    give, url_with = role
    file.write_text(url_with("old-password"))
    settings = load_settings({**environ, "DATABASE_URL": "", "DATABASE_URL_FILE": str(file)})
    database = Database.of(settings, connections=2)
    yield database, give, url_with
    database.close()


def who(database):
    with database.begin() as session:
        return session.scalar(text("SELECT current_user"))


def test_postgres_is_logged_in_to_with_the_new_password_once_connections_are_ended(
    logged_in, file, eventually
):
    database, give, url_with = logged_in
    before = who(database)
    give("new-password")
    file.write_text(url_with("new-password"))

    def again():
        try:
            return who(database)
        except DatabaseAway:  # a connection that was just ended
            return None

    assert eventually(again) == before


def test_a_password_that_is_refused_and_was_not_rotated_is_a_database_that_is_away(logged_in, file):
    database, give, url_with = logged_in
    give("new-password")

    with pytest.raises(DatabaseAway, match="password authentication failed") as away:
        who(database)
    assert "old-password" not in str(away.value)

    file.write_text(url_with("new-password"))
    assert who(database)


def test_two_users_in_turn_need_no_moment_in_which_neither_is_right(logged_in, file, database_url):
    database, give, _ = logged_in
    with psycopg.connect(database_url, autocommit=True) as administrator:
        administrator.execute("CREATE ROLE second_of_two LOGIN PASSWORD 'second-password'")
        place = database_url.rpartition("@")[2]
        file.write_text(f"postgresql://second_of_two:second-password@{place}")
        give("never-told")

        assert who(database) == "second_of_two"

        database.close()
        administrator.execute("DROP ROLE second_of_two")


def test_a_database_url_that_has_become_none_is_a_database_that_is_away(logged_in, file):
    database, give, _ = logged_in
    give("new-password")
    file.write_text("no URL but new-password")

    with pytest.raises(DatabaseAway) as away:
        who(database)
    assert "new-password" not in str(away.value)


def signed(secret):
    at = datetime.now(UTC)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, PREDICTION.decode()),
        "content-type": "application/json",
    }


def status(app, secret):
    client = app.test_client()
    return client.post("/webhook/replicate", data=PREDICTION, headers=signed(secret)).status_code


def test_two_webhook_secrets_are_valid_side_by_side(app_with):
    app = app_with(replicate_webhook_secret=SecretStr(f"{OLD}, {NEW}"))

    assert [status(app, OLD), status(app, NEW)] == [200, 200]
    assert status(app, "whsec_bm9ib2R5J3M=") == 401


def test_a_webhook_that_the_known_secret_did_not_sign_has_the_file_read_again(
    app_with, environ, file
):
    file.write_text(OLD)
    told = load_settings({**environ, "REPLICATE_WEBHOOK_SECRET_FILE": str(file)})
    app = app_with(replicate_webhook_secret=told.replicate_webhook_secret)
    assert [status(app, OLD), status(app, NEW)] == [200, 401]

    file.write_text(f"{NEW}\n{OLD}\n")
    assert [status(app, NEW), status(app, OLD)] == [200, 200]

    file.write_text(NEW)
    assert status(app, NEW) == 200


def test_a_webhook_that_the_told_secret_did_not_sign_has_replicate_asked_again(replicate, emulator):
    secret = WebhookSecret(None, replicate)

    def signs_with(another):
        emulator.post("/_emulator/config", json={"webhook_secret": another}).raise_for_status()

    def verify(by):
        return secret.verify(signed(by), PREDICTION)

    signs_with(OLD)
    assert verify(OLD) == "msg_1"
    signs_with(NEW)

    with pytest.raises(BadSignature):  # Replicate was asked a moment ago
        verify(NEW)
    secret._not_before = 0.0
    assert verify(NEW) == "msg_1"
    with pytest.raises(BadSignature):
        verify(OLD)
