"""Passwords and keys of the local system: generated once, kept in DATA_DIR/secrets.json."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fixative.local.data_dir import write_private


def _token() -> str:
    return secrets.token_hex(24)


@dataclass(frozen=True)
class Secrets:
    """What the servers and the people who use them prove themselves with."""

    admin_key: str = field(default_factory=lambda: f"fx_{_token()}")
    database_password: str = field(default_factory=_token)
    redis_password: str = field(default_factory=_token)
    s3_access_key: str = field(default_factory=lambda: secrets.token_hex(10).upper())
    s3_secret_key: str = field(default_factory=_token)
    flower_password: str = field(default_factory=_token)


def kept_secrets(data_dir: Path) -> Secrets:
    """The secrets of this data directory: those it has, new ones where it has none."""
    path = data_dir / "secrets.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    kept = Secrets(**known)
    if asdict(kept) != known:
        write_private(path, json.dumps(asdict(kept), indent=2) + "\n")
    return kept
