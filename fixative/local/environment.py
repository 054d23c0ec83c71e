"""The one environment of every process of the local system.

What is set stays as it is. What is unset is filled in with what runs here, so that no process has
to know whether a service is ours.
"""

from collections.abc import Mapping
from pathlib import Path

from fixative.local import postgres, seaweedfs, valkey
from fixative.local.secrets import Secrets
from fixative.local.servers import Server
from fixative.settings import LOCAL_TOKEN, Settings
from fixative.variables import read_variable

METRICS = "metrics"  # where all processes count, for the API's /metrics to add up
RECORDS = "records"

# Which embedded server stands in for which variable.
SERVER_FOR = {
    "DATABASE_URL": postgres.ROLE,
    "REDIS_URL": valkey.ROLE,
    "S3_BUCKET": seaweedfs.ROLE,
}


def is_set(environ: Mapping[str, str], variable: str) -> bool:
    """Whether a value is given, in any of the ways that settings take one."""
    return any(environ.get(variable + way) for way in ("", "_FILE"))


def needed_servers(environ: Mapping[str, str]) -> list[str]:
    """The roles of the embedded servers that run because their variable is unset."""
    return [role for variable, role in SERVER_FOR.items() if not is_set(environ, variable)]


def compose(
    environ: Mapping[str, str],
    *,
    data_dir: Path,
    secrets: Secrets,
    servers: Mapping[str, Server],
    api_url: str,
    local_replicate: str | None,
) -> dict[str, str]:
    """The caller's environment, completed; `local_replicate` is its origin when we run it."""
    whole = {
        **environ,
        "FIXATIVE_DATA_DIR": str(data_dir),
        "PROMETHEUS_MULTIPROC_DIR": str(data_dir / METRICS),
        "PYTHONUNBUFFERED": "1",
    }
    _keep_off_proxies(whole)
    for server in servers.values():
        whole |= server.variables
    if seaweedfs.ROLE in servers:
        whole.pop("AWS_SESSION_TOKEN", None)  # belongs to keys that we have just replaced
    if not is_set(whole, "FIXATIVE_ADMIN_KEY"):
        whole["FIXATIVE_ADMIN_KEY"] = secrets.admin_key
    if not is_set(whole, "OUTPUT_DIR"):
        whole["OUTPUT_DIR"] = str(data_dir / RECORDS)
    if local_replicate:
        whole["REPLICATE_API_TOKEN"] = LOCAL_TOKEN
        whole["REPLICATE_BASE_URL"] = local_replicate
        whole["FIXATIVE_ALLOWED_OUTPUT_HOSTS"] = f"{_allowed_hosts(environ)},{local_replicate}"
        if not is_set(whole, "FIXATIVE_PUBLIC_URL"):
            whole["FIXATIVE_PUBLIC_URL"] = api_url
    return whole


def _allowed_hosts(environ: Mapping[str, str]) -> str:
    default = Settings.model_fields["fixative_allowed_output_hosts"].default
    return read_variable(environ, "FIXATIVE_ALLOWED_OUTPUT_HOSTS") or str(default)


def _keep_off_proxies(environ: dict[str, str]) -> None:
    """A proxy for the outside must not see what passes between our own processes."""
    for name in ("NO_PROXY", "no_proxy"):
        environ[name] = ",".join(filter(None, (environ.get(name), "127.0.0.1", "localhost")))
