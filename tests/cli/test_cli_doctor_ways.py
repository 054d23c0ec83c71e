from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from fixative.cli.checks_ways import check_ways
from fixative.settings import Settings

ALL = ("Postgres", "Redis", "S3", "Replicate", "Public URL")
PLAIN = {
    "database_url": SecretStr("postgresql://x:hidden@db.example/x"),
    "redis_url": SecretStr("redis://:hidden@redis.example/0"),
    "s3_endpoint_url": "http://s3.example",
    "replicate_base_url": "http://replicate.example",
    "fixative_public_url": "http://fixative.example",
}
SECURED = {
    "database_url": SecretStr("postgresql://x:hidden@db.example/x?sslmode=verify-full"),
    "redis_url": SecretStr("rediss://:hidden@redis.example/0?ssl_cert_reqs=required"),
    "s3_endpoint_url": None,
    "replicate_base_url": "https://api.replicate.com",
    "fixative_public_url": "https://fixative.example",
}


@pytest.fixture
def ways(settings: Settings) -> Callable[..., dict[str, tuple[bool | None, str]]]:
    """What is found of each way with these settings."""

    def found(**changed: Any) -> dict[str, tuple[bool | None, str]]:
        findings = list(check_ways(settings.model_copy(update=changed)))
        assert {finding.name for finding in findings} == {"TLS"}
        assert not any("hidden" in finding.detail for finding in findings)
        told = (finding.detail.partition(": ") for finding in findings)
        return {to: (f.ok, why) for (to, _, why), f in zip(told, findings, strict=True)}

    return found


def test_ways_on_this_machine_are_right_and_without_a_public_url_there_is_none(ways: Any) -> None:
    assert ways() == dict.fromkeys(ALL[:4], (True, "on this machine"))
    socket = SecretStr("postgresql:///x?host=/run/postgresql")
    assert ways(database_url=socket)["Postgres"] == (True, "on this machine")


def test_ways_that_are_encrypted_and_verified_are_right(ways: Any) -> None:
    verified = (True, "encrypted, certificate verified")

    assert ways(**SECURED) == dict.fromkeys(ALL, verified)
    assert ways(**SECURED, fixative_env="prod") == dict.fromkeys(ALL, verified)


@pytest.mark.parametrize(("env", "ok"), [("", None), ("staging", None), ("prod", False)])
def test_a_way_that_others_can_read_is_a_warning_and_wrong_in_production(
    ways: Any, env: str, ok: bool | None
) -> None:
    found = ways(**PLAIN, fixative_env=env)

    assert tuple(found) == ALL
    assert {finding[0] for finding in found.values()} == {ok}
    assert all(why.startswith("not encrypted: ") for _, why in found.values())
    advice = ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL", "BASE_URL", "FIXATIVE_PUBLIC_URL")
    assert all(word in why for word, (_, why) in zip(advice, found.values(), strict=True))


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_postgres_that_need_not_be_encrypted_counts_as_plain(ways: Any, mode: str) -> None:
    url = SecretStr(f"postgresql://x@db.example/x?sslmode={mode}")

    assert ways(database_url=url)["Postgres"][1].startswith("not encrypted")


@pytest.mark.parametrize(
    ("way", "changed"),
    [
        ("Postgres", {"database_url": "postgresql://x@db.example/x?sslmode=require"}),
        ("Postgres", {"database_url": "postgresql://x@db.example/x?sslmode=verify-ca"}),
        ("Redis", {"redis_url": "rediss://redis.example/0?ssl_cert_reqs=none"}),
        (
            "Redis",
            {
                "redis_url": "rediss://redis.example/0"
                "?ssl_cert_reqs=required&ssl_check_hostname=False"
            },
        ),
    ],
)
def test_a_way_whose_end_is_not_verified_is_a_warning(
    ways: Any, way: str, changed: dict[str, str]
) -> None:
    told = {name: SecretStr(url) for name, url in changed.items()}

    ok, why = ways(**told, fixative_env="prod")[way]

    assert ok is None
    assert why.startswith("encrypted, but")


def test_what_the_environment_demands_of_postgres_counts(
    ways: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLMODE", "verify-full")

    assert ways(**PLAIN)["Postgres"] == (True, "encrypted, certificate verified")
