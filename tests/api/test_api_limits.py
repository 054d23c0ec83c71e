"""How many requests may come in, of one key and of one address."""

import pytest
from redis import Redis

from fixative.shared import connect

GONE = "redis://127.0.0.1:1/0"


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def limited(new_app, settings):
    """A client of the API with these limits, from another machine."""

    def make(address="203.0.113.7", parts=None, **limits):
        changed = {f"fixative_{name}": value for name, value in limits.items()}
        client = new_app(settings.model_copy(update=changed), **(parts or {})).test_client()
        client.environ_base["REMOTE_ADDR"] = address
        return client

    return make


def asked(client, key, times, path="/jobs"):
    return [client.get(path, headers=bearer(key)).status_code for _ in range(times)]


def test_one_request_too_many_is_429_and_says_when_to_come_again(limited, new_key, refused):
    client, key = limited(key_per_minute=3), new_key()
    first = client.get("/jobs", headers=bearer(key))
    assert (first.headers["RateLimit-Limit"], first.headers["RateLimit-Remaining"]) == ("3", "2")
    assert asked(client, key, 2) == [200, 200]

    answer = client.get("/jobs", headers=bearer(key))

    refused(answer, 429)
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["RateLimit-Reset"] == answer.headers["Retry-After"]


def test_each_key_counts_alone_and_for_all_processes_together(limited, new_key):
    first, second = limited(key_per_minute=2), limited(key_per_minute=2)
    one, other = new_key(), new_key()

    assert [*asked(first, one, 1), *asked(second, one, 2)] == [200, 200, 429]
    assert asked(first, other, 1) == [200]


def test_a_keys_own_limit_stands_in_the_place_of_that_of_all(limited, new_key):
    client = limited(key_per_minute=2)

    assert asked(client, new_key(per_minute=1), 2) == [200, 429]
    assert asked(client, new_key(per_minute=4), 4) == [200] * 4
    assert asked(limited(), new_key(per_minute=1), 2) == [200, 429]


def test_the_hour_is_counted_beside_the_minute(limited, new_key):
    client, key = limited(key_per_minute=10, key_per_hour=2), new_key()

    assert asked(client, key, 3) == [200, 200, 429]


def test_an_address_is_counted_whatever_key_it_brings_good_or_bad(limited, new_key):
    client = limited(ip_per_minute=3)

    assert asked(client, "fx_" + "n" * 43, 2) == [401, 401]
    assert asked(client, new_key(), 2) == [200, 429]
    assert asked(limited("203.0.113.8", ip_per_minute=3), new_key(), 1) == [200]


@pytest.mark.parametrize(("other", "status"), [("2001:db8:0:1::2", 429), ("2001:db8:0:2::1", 200)])
def test_of_ipv6_a_network_of_64_bits_counts_as_one(limited, new_key, other, status):
    assert asked(limited("2001:db8:0:1::1", ip_per_minute=1), new_key(), 1) == [200]
    assert asked(limited(other, ip_per_minute=1), new_key(), 1) == [status]


def test_the_admin_key_has_no_limit_but_its_address(limited, settings):
    key = settings.fixative_admin_key.get_secret_value()

    assert asked(limited(key_per_minute=1), key, 3) == [200] * 3
    assert asked(limited(key_per_minute=1, ip_per_minute=1), key, 2) == [200, 429]


def test_what_is_open_to_anybody_is_never_limited(limited):
    client = limited("127.0.0.1", ip_per_minute=1)

    for path in ("/healthz", "/metrics", "/openapi.json"):
        answers = [client.get(path) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {200}
        assert not any("RateLimit-Limit" in answer.headers for answer in answers)
    assert {client.post("/webhook/replicate").status_code for _ in range(3)} & {429} == set()


def test_without_a_limit_nothing_is_asked_of_redis(limited, new_key, settings):
    client, key = limited(), new_key()
    with Redis.from_url(settings.redis_url.get_secret_value()) as redis:

        def commands():
            return redis.info("stats")["total_commands_processed"]

        before = commands()
        answer = client.get("/jobs", headers=bearer(key))
        assert commands() - before == 1  # the question itself

    assert answer.status_code == 200
    assert "RateLimit-Limit" not in answer.headers


def test_while_redis_is_away_a_process_keeps_to_its_share(limited, new_key):
    with connect(GONE) as away:
        client = limited(parts={"redis": away}, key_per_minute=4)

        assert asked(client, new_key(), 3) == [200, 200, 429]


def test_the_counts_end_by_themselves(limited, new_key, settings):
    asked(limited(key_per_minute=9, ip_per_hour=9), new_key(), 1)

    with Redis.from_url(settings.redis_url.get_secret_value()) as redis:
        counts = list(redis.scan_iter("fixative:limits:*"))
        assert len(counts) == 2
        assert all(0 < redis.ttl(count) <= 7200 for count in counts)
