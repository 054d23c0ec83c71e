import socket
import stat
from pathlib import Path

import pytest

from fixative.local.data_dir import DataDir, open_data_dir
from fixative.local.errors import DataDirInUse
from fixative.local.logs import LIMIT_BYTES, trim
from fixative.local.ports import GRPC_OFFSET, RANGE, kept_ports
from fixative.local.secrets import kept_secrets


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_its_owner_enters(data_dir: DataDir) -> None:
    assert mode(data_dir.path) == 0o700


def test_a_second_supervisor_is_refused(data_dir: DataDir) -> None:
    with pytest.raises(DataDirInUse, match="another"), open_data_dir(data_dir.path):
        pass


def test_it_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with open_data_dir(tmp_path / "data"):
            pass


def test_secrets_stay_the_same_and_private(tmp_path: Path) -> None:
    first = kept_secrets(tmp_path)
    assert kept_secrets(tmp_path) == first
    assert mode(tmp_path / "secrets.json") == 0o600
    assert first.admin_key.startswith("fx_")


def test_ports_are_remembered(tmp_path: Path) -> None:
    first = kept_ports(tmp_path, ["one", "two"])
    assert kept_ports(tmp_path, ["two", "one"]) == first
    assert len(set(first.values())) == 2
    assert all(port in RANGE for port in first.values())


@pytest.mark.parametrize("offset", [0, GRPC_OFFSET])
def test_a_port_that_somebody_took_is_chosen_anew(tmp_path: Path, offset: int) -> None:
    first = kept_ports(tmp_path, ["one", "two"])
    with socket.create_server(("127.0.0.1", first["one"] + offset)):
        second = kept_ports(tmp_path, ["one", "two"])
    assert second["one"] != first["one"]
    assert second["two"] == first["two"]


def test_a_large_log_begins_anew_under_the_process_that_has_it_open(tmp_path: Path) -> None:
    path = tmp_path / "role.log"
    with path.open("ab", buffering=0) as log:
        log.write(b"x" * (LIMIT_BYTES + 1))
        trim(path)
        log.write(b"after")
    assert path.read_bytes() == b"after"
    assert (tmp_path / "role.log.1").stat().st_size == LIMIT_BYTES + 1
