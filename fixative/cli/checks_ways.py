"""What `fixative doctor` says of the ways out of here: whether others can read, or stand between.

What is asked for counts, not what a server happened to grant: whoever stands between grants less.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import make_url

from fixative.cli.api_client import is_this_machine
from fixative.cli.checks import Finding
from fixative.settings import Settings

ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})  # of Postgres's sslmode


@dataclass(frozen=True)
class Way:
    """One way out, as it is asked for; `advice` is what makes it verified."""

    to: str
    local: bool
    encrypted: bool
    verified: bool
    advice: str


def check_ways(settings: Settings) -> Iterator[Finding]:
    """One finding a way. Where others can read it, that is wrong for FIXATIVE_ENV=prod."""
    for way in _ways(settings):
        if way.verified:
            yield Finding("TLS", True, f"{way.to}: encrypted, certificate verified")
        elif way.local:
            yield Finding("TLS", True, f"{way.to}: on this machine")
        elif way.encrypted:
            told = "encrypted, but who answers is not verified"
            yield Finding("TLS", None, f"{way.to}: {told}: {way.advice}")
        else:
            ok = False if settings.fixative_env == "prod" else None
            yield Finding("TLS", ok, f"{way.to}: not encrypted: {way.advice}")


def _ways(settings: Settings) -> Iterator[Way]:
    yield _postgres(settings.database_url.get_secret_value())
    yield _redis(settings.redis_url.get_secret_value())
    yield _http("S3", settings.s3_endpoint_url or "https://s3.amazonaws.com", "S3_ENDPOINT_URL")
    yield _http("Replicate", settings.replicate_base_url, "REPLICATE_BASE_URL")
    if settings.webhook_url:
        variable = "REPLICATE_WEBHOOK_URL" if settings.replicate_webhook_url else None
        yield _http("Public URL", settings.webhook_url, variable or "FIXATIVE_PUBLIC_URL")


def _postgres(told: str) -> Way:
    url = make_url(told)
    asked = url.query.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer"
    host = str(url.host or url.query.get("host") or "/")
    return Way(
        "Postgres",
        local=host.startswith("/") or is_this_machine(f"postgresql://{host}"),
        encrypted=asked in ENCRYPTED,
        verified=asked == "verify-full",
        advice="sslmode=verify-full and sslrootcert in DATABASE_URL",
    )


def _redis(told: str) -> Way:
    parts = urlsplit(told)
    encrypted = parts.scheme == "rediss"
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    verified = query.get("ssl_cert_reqs") == "required"
    named = query.get("ssl_check_hostname", "true").lower() != "false"
    return Way(
        "Redis",
        local=parts.scheme == "unix" or is_this_machine(told),
        encrypted=encrypted,
        verified=encrypted and verified and named,
        advice="rediss:// in REDIS_URL, without ssl_cert_reqs and ssl_check_hostname",
    )


def _http(to: str, url: str, variable: str) -> Way:
    https = url.startswith("https://")
    return Way(
        to,
        local=is_this_machine(url),
        encrypted=https,
        verified=https,
        advice=f"https:// in {variable}",
    )
