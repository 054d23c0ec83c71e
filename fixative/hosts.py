"""From where outputs may be fetched: host names over https, and whole origins as written.

A URL is taken apart here and nowhere else, so that what was looked at is what is connected to.
"""

import re
from dataclasses import dataclass
from typing import Self

from fixative.errors import OutputForbidden, WrongSetting

LONGEST = 8192  # of a URL
SCHEMES = ("https://", "http://")
NAME = r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}"
# A URL that every reader reads alike: nothing to decode, to trim or to guess, no backslash.
URL = re.compile(
    rf"(?P<scheme>https?)://(?P<user>[^/?#\\@]*@)?(?P<host>{NAME}|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?(?P<path>(?:[/?][!\"$-\[\]-~]*)?)(?:#[!-\[\]-~]*)?"
)
ENTRY = re.compile(rf"(?:\*\.)?{NAME}")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # an address in any notation ends in one, no name does
PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Target:
    """What a URL asks of whom. `is_named`: its whole origin stands in the setting."""

    scheme: str
    host: str
    port: int
    path: str
    is_named: bool

    @property
    def authority(self) -> str:
        """The host and, if it says anything, the port: as in the URL and the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


class AllowedHosts:
    """FIXATIVE_ALLOWED_OUTPUT_HOSTS or FIXATIVE_ALLOWED_WEBHOOK_HOSTS, read.

    An entry is a host name, `*.` and a host name (all below it, at any depth, not itself), or an
    origin (`http://127.0.0.1:9100`: this scheme, host and port, be it http or inside); with
    `every_name` also `*`, which is just that. Raises WrongSetting for any other.
    """

    def __init__(self, entries: tuple[str, ...], *, every_name: bool = False) -> None:
        self._origins = {_origin(entry) for entry in entries if "://" in entry}
        hosts = [_pattern(entry, every_name) for entry in entries if "://" not in entry]
        self._names = {host for host in hosts if not host.startswith("*")}
        self._parents = tuple(host[1:] for host in hosts if host.startswith("*"))

    @classmethod
    def read(cls, text: str, *, every_name: bool = False) -> Self:
        """As the variable has them, with commas between. Raises WrongSetting."""
        entries = tuple(entry.strip() for entry in text.split(",") if entry.strip())
        return cls(entries, every_name=every_name)

    def allows(self, url: str) -> bool:
        """Whether this is a URL of a file that we may fetch. Asks nobody: names stay names."""
        if not url.startswith(SCHEMES):
            return False
        try:
            self.target(url)
        except OutputForbidden:
            return False
        return True

    def target(self, url: str) -> Target:
        """What to connect to for this URL. Raises OutputForbidden, saying why."""
        parts = URL.fullmatch(url) if len(url) <= LONGEST else None
        if parts is None:
            raise OutputForbidden(f"not a plain http or https URL: {url[:200]!r}")
        if parts["user"] is not None:
            raise OutputForbidden(f"not fetched from {parts['host']}: the URL names a user")
        scheme, host, port = _place(parts)
        is_named = (scheme, host, port) in self._origins
        why = None if is_named else self._why_not(scheme, host, port)
        if why is not None:
            raise OutputForbidden(f"not fetched from {host}: {why}")
        path = parts["path"] if parts["path"].startswith("/") else f"/{parts['path']}"
        return Target(scheme, host.strip("[]"), port, path, is_named)

    def _why_not(self, scheme: str, host: str, port: int) -> str | None:
        if _is_address(host):
            return "it is an address, not a name"
        if host not in self._names and not host.endswith(self._parents):
            return "it is not among the allowed hosts"
        if scheme != "https":
            return "only over https"
        return None if port == PORTS["https"] else f"not on port {port}"


def _place(parts: re.Match[str]) -> tuple[str, str, int]:
    return parts["scheme"], parts["host"].lower(), int(parts["port"] or PORTS[parts["scheme"]])


def _is_address(host: str) -> bool:
    return host.startswith("[") or NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _origin(entry: str) -> tuple[str, str, int]:
    parts = URL.fullmatch(entry)
    if parts is None or parts["user"] is not None or parts["path"] not in {"", "/"}:
        raise _wrong(entry)
    return _place(parts)


def _pattern(entry: str, every_name: bool) -> str:
    host = entry.lower()
    if host == "*" and every_name:
        return host
    if not ENTRY.fullmatch(host) or _is_address(host):
        raise _wrong(entry)
    return host


def _wrong(entry: str) -> WrongSetting:
    kinds = "a host name, nor *. and a host name, nor an origin such as http://10.0.0.1:9100"
    return WrongSetting(f"{entry!r} is neither {kinds}")
