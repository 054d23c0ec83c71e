"""From where outputs may be fetched: host patterns over https, and whole origins as written."""

import re
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

PLAIN = re.compile(r"[\x21-\x7e]{1,8192}")  # a URL, not a sentence that begins with one


class AllowedHosts:
    """FIXATIVE_ALLOWED_OUTPUT_HOSTS, read."""

    def __init__(self, entries: tuple[str, ...]) -> None:
        self._origins = {_origin(entry) for entry in entries if "://" in entry}
        self._patterns = [entry.lower() for entry in entries if "://" not in entry]

    def allows(self, url: str) -> bool:
        """Whether this is a URL of a file that we may fetch."""
        if not url.startswith(("https://", "http://")) or not PLAIN.fullmatch(url):
            return False
        try:
            parts = urlsplit(url)
            origin, host, port = _origin(url), parts.hostname or "", parts.port
        except ValueError:
            return False
        if parts.username is not None:
            return False
        if origin in self._origins:
            return True
        return (
            parts.scheme == "https"
            and port in {None, 443}
            and any(fnmatchcase(host, pattern) for pattern in self._patterns)
        )


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return (
        parts.scheme,
        parts.hostname or "",
        parts.port or (443 if parts.scheme == "https" else 80),
    )
