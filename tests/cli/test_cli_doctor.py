from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from redis import Redis

from fixative.cli.checks import (
    Finding,
    check_bucket,
    check_postgres,
    check_public_url,
    check_records,
    check_redis,
    check_replicate,
)
from fixative.cli.checks_smoke import Smoke, check_smoke
from fixative.cli.s3 import s3_of
from fixative.media.rules import Rules
from fixative.postgres.migrate import downgrade
from fixative.settings import Settings

NOBODY = "127.0.0.1:1"


@pytest.fixture
def changed(settings: Settings) -> Callable[..., Settings]:
    """This test's system, with some settings otherwise."""

    def change(**values: Any) -> Settings:
        return settings.model_copy(update=values)

    return change


def test_a_system_in_order_is_a_tick_for_each_dependency(run: Any, environ: Any) -> None:
    result = run("doctor", **environ)

    assert result.exit_code == 0, result.output
    marks = [line.split()[:2] for line in result.stdout.splitlines()]
    assert marks == [
        ["✓", "Postgres"],
        ["✓", "Redis"],
        ["✓", "Bucket"],
        ["✓", "Records"],
        ["✓", "Replicate"],
        ["–", "Public"],
        *[["✓", "TLS"]] * 4,
        ["–", "Rules"],
    ]


def test_one_thing_wrong_makes_exit_code_1_and_the_rest_is_still_looked_at(
    run: Any, environ: Any
) -> None:
    result = run("doctor", **{**environ, "REDIS_URL": f"redis://{NOBODY}/0"})

    assert result.exit_code == 1
    assert [line[0] for line in result.stdout.splitlines()] == list("✓✗✓✓✓–✓✓✓✓–")


def test_a_wrong_variable_is_named_in_one_line(run: Any, environ: Any) -> None:
    result = run("doctor", **{**environ, "REPLICATE_BASE_URL": "api.replicate.com"})

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "REPLICATE_BASE_URL: " in result.stderr


def test_a_postgres_that_is_away_is_wrong(changed: Any) -> None:
    finding = check_postgres(changed(database_url=SecretStr(f"postgresql://x@{NOBODY}/x")))

    assert finding.ok is False
    assert "refused" in finding.detail


def test_a_pending_migration_is_wrong(settings: Settings) -> None:
    downgrade(settings.sqlalchemy_url)

    assert check_postgres(settings) == Finding(
        "Postgres", False, "a migration is pending: run `fixative migrate`"
    )


def test_a_redis_that_evicts_is_wrong(settings: Settings) -> None:
    with Redis.from_url(settings.redis_url.get_secret_value()) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        finding = check_redis(settings)
        client.config_set("maxmemory-policy", "noeviction")

    assert finding.ok is False
    assert "allkeys-lru" in finding.detail


def test_a_bucket_that_is_not_there_is_wrong(changed: Any) -> None:
    finding = check_bucket(changed(s3_bucket="no-such-bucket"))

    assert finding.ok is False
    assert "no-such-bucket" in finding.detail


def test_a_bucket_is_left_as_it_was_found(changed: Any, settings: Settings) -> None:
    assert check_bucket(changed(s3_prefix="doctors")).ok

    s3 = s3_of(settings)
    assert s3.list_objects_v2(Bucket=settings.s3_bucket, Prefix="doctors/")["KeyCount"] == 0


def test_a_place_for_records_is_tried_and_left_as_it_was_found(
    changed: Any, settings: Settings, tmp_path: Path
) -> None:
    bucket = f"s3://{settings.s3_bucket}/{settings.s3_prefix}-records"

    for place in (str(tmp_path), bucket):
        finding = check_records(changed(output_dir=place))
        assert finding.ok, finding
        assert place in finding.detail

    assert list(tmp_path.iterdir()) == []
    s3 = s3_of(settings)
    found = s3.list_objects_v2(Bucket=settings.s3_bucket, Prefix=f"{settings.s3_prefix}-records")
    assert found["KeyCount"] == 0


@pytest.mark.parametrize("place", ["file", "s3://no-bucket-of-records/a"])
def test_a_place_that_takes_no_records_is_wrong_and_says_what_to_set(
    changed: Any, tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("no directory")
    where = place if "://" in place else str(tmp_path / place)

    finding = check_records(changed(output_dir=where))

    assert finding.ok is False
    assert "set OUTPUT_DIR to" in finding.detail


def test_a_token_that_replicate_refuses_is_wrong(
    settings: Settings, emulator: httpx.Client
) -> None:
    emulator.post("/_emulator/config", json={"tokens": ["r8_another"]}).raise_for_status()

    finding = check_replicate(settings)

    assert finding.ok is False
    assert "REPLICATE_API_TOKEN is refused" in finding.detail


@pytest.mark.parametrize(
    ("url", "ok", "words"),
    [
        (None, None, "polling finds all"),
        ("https://fixative.example", True, "https://fixative.example/webhook/replicate"),
        ("http://127.0.0.1:8000", True, "http://127.0.0.1:8000/webhook/replicate"),
    ],
)
def test_a_public_url_is_a_choice_and_never_wrong(
    changed: Any, url: str | None, ok: bool | None, words: str
) -> None:
    finding = check_public_url(changed(fixative_public_url=url))

    assert finding.ok is ok
    assert words in finding.detail


def test_the_rules_that_the_bucket_lacks_are_shown_and_installed(run: Any, environ: Any) -> None:
    before = run("doctor", **environ)
    fixed = run("doctor", "--fix", **environ)
    after = run("doctor", **environ)

    assert "– Rules" in before.stdout
    of = environ["S3_PREFIX"]
    assert f"fixative-temp {of}, fixative-unfinished {of}" in before.stdout
    for result in (fixed, after):
        assert result.exit_code == 0, result.output
        assert "✓ Rules" in result.stdout


def test_rules_of_others_stay_when_ours_are_installed(run: Any, settings: Settings) -> None:
    theirs = {
        "ID": "theirs",
        "Filter": {"Prefix": "theirs/"},
        "Status": "Enabled",
        "Expiration": {"Days": 3},
    }
    s3 = s3_of(settings)
    s3.put_bucket_lifecycle_configuration(
        Bucket=settings.s3_bucket, LifecycleConfiguration={"Rules": [theirs]}
    )
    rules = Rules("ours/")

    rules.install(s3, settings.s3_bucket)

    assert rules.missing(s3, settings.s3_bucket) == []
    found = s3.get_bucket_lifecycle_configuration(Bucket=settings.s3_bucket)["Rules"]
    assert {rule["ID"] for rule in found} == {
        *("theirs", "fixative-temp ours", "fixative-unfinished ours")
    }
    assert len(Rules("others/").missing(s3, settings.s3_bucket)) == 2


def test_an_object_that_no_row_knows_makes_the_audit_fail(
    run: Any, environ: Any, settings: Settings
) -> None:
    assert run("doctor", "--bucket", **environ).exit_code == 0
    key = f"{settings.s3_prefix}/images/nobody.png"
    s3_of(settings).put_object(Bucket=settings.s3_bucket, Key=key, Body=b"x")

    result = run("doctor", "--bucket", **environ)

    assert result.exit_code == 1
    assert f"✗ no row     {key}" in result.stdout


def test_a_smoke_test_that_would_be_paid_for_asks_for_the_model(run: Any, environ: Any) -> None:
    result = run("doctor", "--smoke", **{**environ, "REPLICATE_BASE_URL": "http://real.invalid"})

    assert result.exit_code == 2
    assert "--smoke needs --model" in result.stderr


def test_a_smoke_test_is_not_tried_while_something_is_wrong(run: Any, environ: Any) -> None:
    result = run("doctor", "--smoke", **{**environ, "REDIS_URL": f"redis://{NOBODY}/0"})

    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].startswith("– Smoke       not tried")


def test_a_smoke_test_without_an_api_is_wrong(run: Any, environ: Any) -> None:
    at = {"FIXATIVE_API_URL": f"http://{NOBODY}", "FIXATIVE_API_KEY": "fx_any"}

    result = run("doctor", "--smoke", **environ, **at)

    assert result.exit_code == 1
    assert "✗ Smoke" in result.stdout
    assert "nothing answers" in result.stdout


def test_what_a_smoke_test_will_cost_is_said_before_it_is_submitted(
    settings: Settings, fake_api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIXATIVE_API_URL", fake_api.url)
    monkeypatch.setenv("FIXATIVE_API_KEY", "fx_any")
    real = settings.model_copy(update={"replicate_base_url": "https://api.replicate.com"})
    fake_api.on("GET /models/acme/dear", {"max_cost": None, "price": {"per_run": "0.5"}})

    first = next(check_smoke(real, Smoke("acme/dear"), tmp_path))

    assert first == Finding("Cost", None, "acme/dear: 0.5 USD per run")
    assert [asked.route for asked in fake_api.asked] == ["GET /models/acme/dear"]
