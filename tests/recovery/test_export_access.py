"""Owners and keys come back from their copy in the bucket as they were, and open again."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, update

from fixative.access.keys import create_key, note_use, recognise, revoke_key, rotate_key
from fixative.access.owners import ADMIN, change_owner, ensure_owner
from fixative.postgres.tables import ApiKey, Owner
from fixative.recovery.export_access import export_access, restore_access
from fixative.recovery.rebuild_report import Report

PEPPER = "fx_the_admin_key"


@pytest.fixture
def copied(services, database):
    return lambda: export_access(database, services.bucket, services.keys)


@pytest.fixture
def brought_back(services, database):
    def run():
        report = Report(say=lambda _: None)
        restore_access(database, services.bucket, services.keys, report)
        return report

    return run


@pytest.fixture
def copy_of(services):
    return lambda name: services.bucket.read(services.keys.config(name))


LIMITS = {
    "expires_at": datetime(2100, 1, 1, tzinfo=UTC),
    "allow": ["10.0.0.0/8"],
    "per_minute": 60,
}


def make(database):
    """An owner with everything of its own, and two keys, of which one is revoked."""
    with database.begin() as session:
        owner = change_owner(session, "studio", {"weight": 2.5, "retention_days": 30})
        key = create_key(session, PEPPER, "studio", ["read", "submit"], **LIMITS)
        revoked = create_key(session, PEPPER, "studio", ["read"])
        revoke_key(session, revoked.row.prefix)
    return owner, key.key, revoked.key


def test_owners_keep_all_that_was_said_of_them_and_keys_open_again(
    database, copied, forgotten, brought_back
):
    owner, key, revoked = make(database)
    copied()
    forgotten()

    report = brought_back()

    with database.begin() as session:
        again = session.get_one(Owner, owner.id)
        caller = recognise(session, PEPPER, key)
        row = session.get_one(ApiKey, caller.key_id)
        assert recognise(session, PEPPER, revoked) is None
    names = ("name", "weight", "retention_days", "created_at")
    assert [getattr(again, name) for name in names] == [getattr(owner, name) for name in names]
    assert (caller.owner_id, caller.scopes) == (owner.id, {"read", "submit"})
    assert {name: getattr(row, name) for name in LIMITS} == LIMITS
    assert (report.brought_back["owners"], report.brought_back["keys"]) == (1, 2)
    assert brought_back().brought_back.total() == 0


def test_no_key_stands_in_the_copy_and_nothing_that_makes_one(database, copied, copy_of):
    _, key, _ = make(database)
    copied()

    written = copy_of("keys.json").decode()

    assert key not in written
    assert PEPPER not in written
    assert json.loads(written)["keys"][0]["prefix"] == key[:11]


def test_the_copy_is_written_when_it_has_changed_and_only_then(services, database, copied):
    def etag():
        return services.bucket.head(services.keys.config("owners.json")).etag

    make(database)
    copied()
    first = etag()
    copied()
    assert etag() == first
    with database.begin() as session:
        change_owner(session, "studio", {"weight": 3})
    copied()
    assert etag() != first


def test_a_database_that_has_lost_owners_and_keys_leaves_their_copy_as_it_is(
    database, copied, forgotten, copy_of
):
    make(database)
    copied()
    before = copy_of("owners.json"), copy_of("keys.json")
    forgotten()
    with database.begin() as session:
        ensure_owner(session, "somebody new")

    copied()

    assert (copy_of("owners.json"), copy_of("keys.json")) == before


def test_a_key_that_was_revoked_after_the_backup_is_revoked(database, copied, brought_back):
    _, key, _ = make(database)
    with database.begin() as session:
        revoke_key(session, key[:11])
    copied()
    with database.begin() as session:
        session.execute(update(ApiKey).values(revoked_at=None))

    brought_back()

    with database.begin() as session:
        assert recognise(session, PEPPER, key) is None


def test_a_database_that_has_lost_a_revocation_leaves_the_copy_as_it_is(database, copied, copy_of):
    make(database)
    copied()
    before = copy_of("keys.json")
    with database.begin() as session:
        session.execute(update(ApiKey).values(revoked_at=None))

    copied()

    assert copy_of("keys.json") == before


def test_a_row_that_cannot_be_read_is_named_and_the_others_come_back(
    services, database, copied, forgotten, brought_back, copy_of, put
):
    _, key, _ = make(database)
    copied()
    told = json.loads(copy_of("keys.json"))
    told["keys"] += [{"id": "x"}, {"id": 7, "owner_id": None}, {}]
    forgotten()
    put(services.keys.config("keys.json"), json.dumps(told).encode())

    report = brought_back()

    with database.begin() as session:
        assert recognise(session, PEPPER, key) is not None
    unreadable = [p.name for p in report.problems if p.kind == "keys: unreadable"]
    assert unreadable == ["x", "7", "None"]


def test_a_key_in_its_grace_is_revoked_at_once_when_the_copy_says_so(
    database, copied, brought_back
):
    _, key, _ = make(database)
    with database.begin() as session:
        rotate_key(session, PEPPER, key[:11])
        graced = session.scalar(select(ApiKey.revoked_at).where(ApiKey.prefix == key[:11]))
        revoke_key(session, key[:11])
    copied()
    with database.begin() as session:
        session.execute(update(ApiKey).where(ApiKey.prefix == key[:11]).values(revoked_at=graced))

    brought_back()

    with database.begin() as session:
        assert recognise(session, PEPPER, key) is None


def test_the_use_of_a_key_is_no_reason_to_write_its_copy_anew(database, copied, copy_of):
    _, key, _ = make(database)
    copied()
    before = copy_of("keys.json")
    with database.begin() as session:
        note_use(session, recognise(session, PEPPER, key))
    copied()

    assert copy_of("keys.json") == before
    assert b"last_used_at" not in before


def test_an_owner_of_the_same_name_gives_way_unless_something_is_theirs(
    database, copied, forgotten, brought_back, submit
):
    with database.begin() as session:
        admin, busy = ensure_owner(session, ADMIN).id, ensure_owner(session, "busy").id
    copied()
    forgotten()
    with database.begin() as session:
        ensure_owner(session, ADMIN)
        newcomer = ensure_owner(session, "busy").id
    submit(owner=newcomer)

    report = brought_back()

    with database.begin() as session:
        ids = dict(session.execute(select(Owner.name, Owner.id)).all())
    assert (ids[ADMIN], ids["busy"]) == (admin, newcomer)
    assert [problem.name for problem in report.problems] == [str(busy)]


def test_who_was_known_by_an_id_only_gets_their_name_back(database, copied, brought_back):
    owner, _, _ = make(database)
    copied()
    with database.begin() as session:
        session.execute(update(Owner).values(name=func.cast(Owner.id, Owner.name.type)))

    brought_back()

    with database.begin() as session:
        assert session.get_one(Owner, owner.id).name == "studio"


@pytest.mark.parametrize("content", [None, b"{", b"[]", b'{"format": 2, "owners": []}'])
def test_a_copy_that_is_missing_or_unreadable_is_named(services, brought_back, content):
    from io import BytesIO

    key = services.keys.config("owners.json")
    if content is not None:
        services.bucket.put(key, BytesIO(content), "application/json")

    assert (("owners: unreadable", key)) in [(p.kind, p.name) for p in brought_back().problems]


@pytest.fixture
def rotation(database):
    """Set the generation of an owner's webhook secret, or leave it; what it is and since when."""

    def run(owner, generation=None):
        with database.begin() as session:
            row = session.get_one(Owner, owner.id)
            if generation is not None:
                row.webhook_generation = generation
                row.webhook_rotated_at = datetime(2026, 1, 1, tzinfo=UTC) if generation else None
            return row.webhook_generation, row.webhook_rotated_at

    return run


def test_a_rotated_secret_survives_a_rebuild(database, copied, forgotten, brought_back, rotation):
    owner, _, _ = make(database)
    rotated = rotation(owner, 2)
    copied()
    forgotten()

    brought_back()

    assert rotation(owner) == rotated == (2, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_secret_that_was_rotated_after_the_backup_is_the_rotated_one(
    database, copied, brought_back, copy_of, rotation
):
    owner, _, _ = make(database)
    rotated = rotation(owner, 2)
    copied()
    before = copy_of("owners.json")
    rotation(owner, 1)
    copied()
    assert copy_of("owners.json") == before

    brought_back()

    assert rotation(owner) == rotated


def test_a_secret_that_was_rotated_since_the_copy_stays(database, copied, brought_back, rotation):
    owner, _, _ = make(database)
    rotation(owner, 1)
    copied()
    rotated = rotation(owner, 2)

    brought_back()

    assert rotation(owner) == rotated
