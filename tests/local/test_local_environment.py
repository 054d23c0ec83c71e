from pathlib import Path

from fixative.local.environment import LOCAL_TOKEN, compose, needed_servers
from fixative.local.secrets import Secrets
from fixative.local.valkey import Valkey

EMULATOR = "http://127.0.0.1:9100"
API = "http://127.0.0.1:8000"


def composed(environ: dict[str, str], local_replicate: str | None = EMULATOR) -> dict[str, str]:
    return compose(
        environ,
        data_dir=Path("/data"),
        secrets=Secrets(admin_key="fx_generated"),
        servers={"valkey": Valkey(Path("/data/valkey"), 1, "password")},
        api_url=API,
        local_replicate=local_replicate,
    )


def test_a_server_for_each_variable_that_is_unset() -> None:
    assert needed_servers({}) == ["postgres", "valkey", "seaweedfs"]
    assert needed_servers({"DATABASE_URL": "x", "REDIS_URL": ""}) == ["valkey", "seaweedfs"]
    assert needed_servers({"DATABASE_URL_FILE": "x", "S3_BUCKET": "y"}) == ["valkey"]


def test_what_is_unset_is_filled_in() -> None:
    whole = composed({"PATH": "/bin"})
    assert whole["PATH"] == "/bin"
    assert whole["REDIS_URL"] == "redis://:password@127.0.0.1:1/0"
    assert whole["FIXATIVE_ADMIN_KEY"] == "fx_generated"
    assert whole["FIXATIVE_DATA_DIR"] == "/data"
    assert whole["PROMETHEUS_MULTIPROC_DIR"] == "/data/metrics"
    assert whole["OUTPUT_DIR"] == "/data/records"


def test_what_is_set_stays() -> None:
    given = {
        "FIXATIVE_ADMIN_KEY": "mine",
        "OUTPUT_DIR": "s3://records",
        "FIXATIVE_PUBLIC_URL": "https://me",
    }
    assert given.items() <= composed(given).items()


def test_the_local_replicate_is_told_of_and_allowed() -> None:
    whole = composed({})
    assert whole["REPLICATE_API_TOKEN"] == LOCAL_TOKEN
    assert whole["REPLICATE_BASE_URL"] == EMULATOR
    assert whole["FIXATIVE_PUBLIC_URL"] == API
    hosts = whole["FIXATIVE_ALLOWED_OUTPUT_HOSTS"]
    assert hosts == f"replicate.delivery,*.replicate.delivery,{EMULATOR}"
    given = composed({"FIXATIVE_ALLOWED_OUTPUT_HOSTS": "cdn.example"})
    assert given["FIXATIVE_ALLOWED_OUTPUT_HOSTS"] == f"cdn.example,{EMULATOR}"


def test_without_the_local_replicate_nothing_is_said_of_it() -> None:
    whole = composed({}, local_replicate=None)
    unset = {"REPLICATE_API_TOKEN", "REPLICATE_BASE_URL", "FIXATIVE_PUBLIC_URL"}
    assert not unset & whole.keys()


def test_our_own_processes_are_not_reached_through_a_proxy() -> None:
    whole = composed({"NO_PROXY": "intranet"})
    assert whole["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert whole["no_proxy"] == "127.0.0.1,localhost"
