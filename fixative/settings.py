"""Settings: read once from the environment, checked, and passed on as one frozen object.

Each variable may also be given as NAME_FILE, the path of a file that holds its value, or say where
in AWS's stores it lies (fixative/variables.py). What is unset is taken from DATA_DIR/run.json when
`fixative up` has written one, so that a command run by hand finds the system that is running.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from fixative.errors import WrongSetting
from fixative.hosts import AllowedHosts
from fixative.rotating import one_or_more, to_hide
from fixative.variables import DEFAULT_REGION, read_secret, read_variable

DEFAULT_DATA_DIR = ".fixative"
LOCAL_TOKEN = "r8_local"  # noqa: S105 - the local Replicate takes any
# Read again while we run, where they did not come as values: docs/secrets.md.
ROTATING = ("database_url", "replicate_api_token", "replicate_webhook_secret")


class Settings(BaseModel):
    """Everything that can be set, under the names of the environment."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    database_url: SecretStr
    fixative_prepared_statements: bool = True
    redis_url: SecretStr
    celery_broker_url: SecretStr | None = None
    s3_bucket: str
    s3_endpoint_url: str | None = None
    s3_prefix: str = ""
    s3_sse: Literal["AES256", "aws:kms"] | None = None
    s3_kms_key_id: str | None = None
    s3_accelerate: bool = False
    aws_region: str = DEFAULT_REGION
    aws_access_key_id: str | None = None
    aws_secret_access_key: SecretStr | None = None

    replicate_api_token: SecretStr
    replicate_base_url: str = "https://api.replicate.com"
    replicate_webhook_secret: SecretStr | None = None
    replicate_webhook_url: str | None = None

    models_config: str | None = None  # JSON, or the path of a file of it
    fixative_unknown_models: Literal["allow", "refuse"] = "allow"

    output_dir: str = "outputs"
    allowed_replay_dirs: str | None = None
    fixative_records_archive_days: int | None = Field(None, gt=0, le=36500)
    fixative_records_keep_days: int | None = Field(None, gt=0, le=36500)

    fixative_public_url: str | None = None
    fixative_admin_key: SecretStr
    fixative_signing_key: SecretStr | None = None
    fixative_data_dir: Path = Path(DEFAULT_DATA_DIR)
    fixative_env: Literal["", "dev", "staging", "homolog", "prod"] = ""
    fixative_creates_per_minute: float = Field(600, gt=0)
    fixative_reads_per_minute: float = Field(3000, gt=0)
    fixative_poll_seconds: float = Field(30, gt=0)
    fixative_sweep_seconds: float = Field(2, gt=0)
    fixative_max_run_seconds: int = Field(7200, ge=5)
    fixative_max_output_bytes: int = Field(10 * 2**30, gt=0)
    fixative_allowed_output_hosts: str = "replicate.delivery,*.replicate.delivery"
    fixative_allowed_webhook_hosts: str = "*"
    fixative_retention_days: int | None = Field(None, gt=0, le=36500)
    fixative_import: Literal["all", "bootstrap", "none"] = "all"
    fixative_trusted_proxies: int = Field(0, ge=0, le=10)
    fixative_key_per_minute: int | None = Field(None, gt=0)
    fixative_key_per_hour: int | None = Field(None, gt=0)
    fixative_ip_per_minute: int | None = Field(None, gt=0)
    fixative_ip_per_hour: int | None = Field(None, gt=0)
    fixative_jwt_jwks_url: str | None = None
    fixative_jwt_audience: str | None = None
    fixative_jwt_issuer: str | None = None
    fixative_jwt_owner_claim: str = "sub"
    fixative_jwt_scope_claim: str = "scope"
    fixative_log_format: Literal["json", "console"] = "json"
    fixative_log_prompts: bool = False

    @field_validator("fixative_admin_key", "fixative_signing_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < 16:  # noqa: PLR2004
            raise ValueError("must have 16 characters or more")
        return key

    @field_validator("redis_url", "celery_broker_url")
    @classmethod
    def _verified_unless_told(cls, url: SecretStr | None) -> SecretStr | None:
        """Celery takes any certificate where rediss:// says nothing, others the right one only."""
        told = url.get_secret_value() if url else ""
        if not told.startswith("rediss://") or "ssl_cert_reqs=" in told:
            return url
        return SecretStr(f"{told}{'&' if '?' in told else '?'}ssl_cert_reqs=required")

    @field_validator("replicate_webhook_secret")
    @classmethod
    def _one_at_least(cls, secrets: SecretStr | None) -> SecretStr | None:
        if secrets is not None and not one_or_more(secrets.get_secret_value()):
            raise ValueError("must be a secret, or several with commas or spaces between")
        return secrets

    @field_validator(
        "replicate_base_url",
        "fixative_public_url",
        "replicate_webhook_url",
        "fixative_jwt_jwks_url",
    )
    @classmethod
    def _an_http_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an http or https URL")
        return url.rstrip("/")

    @field_validator("replicate_base_url")
    @classmethod
    def _a_host_alone(cls, url: str) -> str:
        if url.endswith("/v1"):
            raise ValueError("must be without /v1")
        return url

    @field_validator("fixative_allowed_output_hosts", "fixative_allowed_webhook_hosts")
    @classmethod
    def _hosts_and_origins(cls, entries: str, info: ValidationInfo) -> str:
        of_webhooks = info.field_name == "fixative_allowed_webhook_hosts"
        try:
            AllowedHosts.read(entries, every_name=of_webhooks)
        except WrongSetting as error:
            raise ValueError(str(error)) from error
        return entries

    @model_validator(mode="after")
    def _not_ourselves(self) -> Self:
        if self.replicate_base_url == self.fixative_public_url:
            raise ValueError("REPLICATE_BASE_URL must not be FIXATIVE_PUBLIC_URL: that is us")
        return self

    @model_validator(mode="after")
    def _a_bucket_that_can_be_had(self) -> Self:
        if self.s3_accelerate and self.s3_endpoint_url:
            raise ValueError("S3_ACCELERATE is AWS's own: it does not go with S3_ENDPOINT_URL")
        if self.s3_kms_key_id and self.s3_sse != "aws:kms":
            raise ValueError("S3_KMS_KEY_ID goes with S3_SSE=aws:kms only")
        return self

    @model_validator(mode="after")
    def _tokens_made_for_us(self) -> Self:
        if self.fixative_jwt_jwks_url and not self.fixative_jwt_audience:
            raise ValueError("FIXATIVE_JWT_AUDIENCE is needed where FIXATIVE_JWT_JWKS_URL is set")
        return self

    @property
    def sqlalchemy_url(self) -> str:
        """DATABASE_URL in the form that names SQLAlchemy's driver."""
        scheme, _, rest = self.database_url.get_secret_value().partition("://")
        return (
            f"postgresql+psycopg://{rest}"
            if scheme in {"postgres", "postgresql"}
            else (self.database_url.get_secret_value())
        )

    @property
    def broker_url(self) -> str:
        """Where hints are sent: to Redis, unless they have a broker of their own."""
        return (self.celery_broker_url or self.redis_url).get_secret_value()

    @property
    def broker_is_redis(self) -> bool:
        """Whether hints are lists in a Redis, be it that of REDIS_URL or another."""
        return urlsplit(self.broker_url).scheme in {"redis", "rediss"}

    @property
    def secrets(self) -> frozenset[str]:
        """Every value that is to be shown to nobody; of addresses their passwords."""
        return to_hide(v.get_secret_value() for _, v in self if isinstance(v, SecretStr))

    @property
    def signing_secret(self) -> bytes:
        """What links and webhooks are signed with, each by a key of its own made from it."""
        secret = self.fixative_signing_key or self.fixative_admin_key
        return secret.get_secret_value().encode()

    @property
    def webhook_url(self) -> str | None:
        """Where Replicate shall call; None: ask for no webhooks, polling finds everything."""
        if self.replicate_webhook_url:
            return self.replicate_webhook_url
        return f"{self.fixative_public_url}/webhook/replicate" if self.fixative_public_url else None

    @property
    def replay_dirs(self) -> tuple[str, ...]:
        """From where records may be replayed: directories and s3:// addresses."""
        listed = (self.allowed_replay_dirs or self.output_dir).split(",")
        return tuple(place.strip() for place in listed if place.strip())

    @property
    def allowed_output_hosts(self) -> AllowedHosts:
        """From where outputs may be fetched."""
        return AllowedHosts.read(self.fixative_allowed_output_hosts)

    @property
    def allowed_webhook_hosts(self) -> AllowedHosts:
        """What owners may have called when a job moves."""
        return AllowedHosts.read(self.fixative_allowed_webhook_hosts, every_name=True)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process.

    Raises WrongSetting with one line that names every variable that is wrong or missing.
    """
    environ = os.environ if environ is None else environ
    values = {**_from_run_file(environ), **_from_environment(environ)}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = (
            ": ".join((*map(str.upper, map(str, e["loc"])), e["msg"])) for e in error.errors()
        )
        raise WrongSetting("; ".join(problems)) from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, str | SecretStr]:
    """Each variable that is set, or whose NAME_FILE is; an empty value counts as unset."""
    read = {
        name: (read_secret if name in ROTATING else read_variable)(environ, name.upper())
        for name in Settings.model_fields
    }
    if not environ.get("MODELS_CONFIG"):  # the file itself, since it is read again when it changes
        read["models_config"] = environ.get("MODELS_CONFIG_FILE") or None
    return {name: value for name, value in read.items() if value is not None}


def _from_run_file(environ: Mapping[str, str]) -> dict[str, Any]:
    path = Path(environ.get("FIXATIVE_DATA_DIR") or DEFAULT_DATA_DIR) / "run.json"
    try:
        run = json.loads(path.read_text())
    except (FileNotFoundError, PermissionError):
        return {}
    except ValueError as error:
        raise WrongSetting(f"{path}: not readable as JSON: {error}") from None
    local = any(process["role"] == "emulator" for process in run["processes"])
    return {
        **({"replicate_api_token": LOCAL_TOKEN} if local else {}),
        "database_url": run["database_url"],
        "redis_url": run["redis_url"],
        "s3_bucket": run["s3"]["bucket"],
        "s3_endpoint_url": run["s3"]["endpoint_url"],
        "aws_region": run["s3"]["region"],
        "aws_access_key_id": run["s3"]["access_key"],
        "aws_secret_access_key": run["s3"]["secret_key"],
        "replicate_base_url": run["replicate_url"],
        "fixative_admin_key": run["admin_key"],
        "output_dir": run["output_dir"],
    }
