"""What no log says: secrets by their shape or by name, and what users wrote."""

import json
import re
from collections.abc import Iterable

HIDDEN = "***"
# What of a line may quote a user's input; shown with FIXATIVE_LOG_PROMPTS only.
PRIVATE = ("input", "prompt", "told")
SHAPES = (
    r"\b(?:r8|fx|whsec)_[\w+/=-]{6,}",  # tokens of Replicate, keys of ours, webhook secrets
    r"(?<=://)[^\s/@\"]+:[^\s/@\"]+(?=@)",  # user and password in a URL
    r"(?i:(?<=bearer )[\w.~+/=-]+)",
    r"DETAIL: .*?(?=\\n|\"|$)",  # Postgres quotes rows there
)
PARAMETER = re.compile(
    r"([?&][\w-]*(?:sig|token|key|secret|password|signature|credential)[\w-]*=)"
    r"[^&\s\"]+",
    re.IGNORECASE,
)


class Secrecy:
    """Takes out of finished lines what looks like a secret, or is one of `secrets`."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {written for secret in secrets if secret for written in (secret, _in_json(secret))}
        longest_first = sorted(map(re.escape, known), key=len, reverse=True)
        self._shapes = re.compile("|".join((*longest_first, *SHAPES)))

    def without(self, line: str) -> str:
        """The line with what is secret hidden."""
        return PARAMETER.sub(rf"\1{HIDDEN}", self._shapes.sub(HIDDEN, line))


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]
