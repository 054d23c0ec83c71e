"""What was last shown of a job: kept by the order of its moves, and gone once it is deleted."""

import uuid

import pytest
from redis import Redis

from fixative.jobs.glance import Glance
from fixative.media.last_shown import KEPT_SECONDS, LARGEST, LastShown, Shown
from fixative.shared import Shared, connect

JOB, OWNER = uuid.uuid4(), uuid.uuid4()


def seen(number):
    return Glance(JOB, OWNER, "queued", False, number, f"digest of {number}")


@pytest.fixture
def redis(servers):
    with connect(servers["REDIS_URL"]) as client:
        client.flushall()
        yield client


@pytest.fixture
def kept(redis):
    return LastShown(Shared(redis))


@pytest.fixture
def keep(kept):
    def say(number, at, job=b"{}"):
        kept.keep(seen(number), job, at=at)
        return kept.find(JOB)

    return say


def test_what_was_shown_is_found_for_five_minutes_and_of_others_nothing(kept, keep, redis):
    assert keep(7, 100.5, b"shown") == Shown(OWNER, 100.5, "digest of 7", b"shown")
    assert kept.find(uuid.uuid4()) is None
    [key] = redis.keys("fixative:shown:*")
    assert 0 < redis.ttl(key) <= KEPT_SECONDS


def test_what_is_of_an_earlier_move_or_was_read_earlier_does_not_take_its_place(keep):
    keep(7, 100.5, b"of the seventh")

    assert keep(6, 200.0, b"late, and of the sixth").job == b"of the seventh"
    assert keep(7, 100.4, b"read before").job == b"of the seventh"
    assert keep(7, 100.6, b"read after").job == b"read after"
    assert keep(8, 50.0, b"of the eighth, by a slow clock").job == b"of the eighth, by a slow clock"


def test_a_deleted_job_stays_deleted_whoever_read_it_before(kept, keep):
    keep(7, 100.5)
    kept.bury([(JOB, OWNER), (uuid.uuid4(), OWNER)])

    found = keep(8, 1e12, b"read before it was deleted")
    assert (found.owner_id, found.job) == (OWNER, None)


def test_a_job_that_is_too_large_hides_what_was_before(keep):
    keep(7, 100.5)

    assert keep(8, 101.0, b"x" * (LARGEST + 1)) is None
    assert keep(9, 102.0, b"x" * LARGEST).job == b"x" * LARGEST


def test_while_redis_is_away_nothing_is_kept_or_found():
    with Redis.from_url("redis://127.0.0.1:1/0") as nobody:
        alone = LastShown(Shared(nobody))
        alone.keep(seen(1), b"{}", at=1.0)
        alone.bury([(JOB, OWNER)])

        assert alone.find(JOB) is None
