"""What a client would like (RFC 7240); of that, we know `wait`."""

import re

from werkzeug.http import parse_list_header

LONGEST_SECONDS = 60
WAIT = re.compile(r'\s*wait\s*=\s*"?0*([1-9][0-9]{0,8})"?\s*', re.IGNORECASE)


def wait_seconds(prefer: str | None) -> int | None:
    """How long an answer may take, 60 s at most; None when nothing is said that makes sense.

    As the RFC has it, the first `wait` counts, and what cannot be read is passed over.
    """
    named = (item.partition(";")[0] for item in parse_list_header(prefer or ""))
    waits = [item for item in named if item.partition("=")[0].strip().lower() == "wait"]
    found = WAIT.fullmatch(waits[0]) if waits else None
    return min(int(found[1]), LONGEST_SECONDS) if found else None
