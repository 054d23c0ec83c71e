"""What of a job's input is sent in other words: long data: URIs, and the URLs of files with us.

Both are replaced by URLs that Replicate can fetch when the prediction is created; `Attempt.input`
keeps what was sent.
"""

import re
import uuid
from typing import Any

from fixative.jobs.short_ids import read_id
from fixative.postgres.tables import Attempt, Job

LONGEST_DATA_URI = 256_000  # characters; Replicate takes shorter ones in the input itself
A_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
FILE_URL = re.compile(
    rf"https?://[^\s?#]+/(?:files/({A_UUID})|v1/files/([0-9a-z]{{26}})(?:/download)?)(?:\?[^\s#]*)?",
    re.IGNORECASE,
)


def is_long_data_uri(text: str) -> bool:
    """Whether it is a data: URI that Replicate does not take in the input itself."""
    return len(text) > LONGEST_DATA_URI and text.startswith("data:")


def named_file(text: str) -> uuid.UUID | None:
    """The id in what looks like the address of an input file, at whatever host."""
    found = FILE_URL.fullmatch(text)
    return read_id((found[1] or found[2]).lower()) if found else None


def has_files(value: Any) -> bool:
    """Whether anything in an input may have to be sent in other words."""
    if isinstance(value, dict):
        return any(map(has_files, value.values()))
    if isinstance(value, list):
        return any(map(has_files, value))
    return isinstance(value, str) and (is_long_data_uri(value) or named_file(value) is not None)


def may_have_sent(job: Job, attempt: Attempt, told: dict[str, Any]) -> bool:
    """Whether the input that Replicate tells of is what this attempt sent.

    Nobody knows what an attempt sent that a restore has lost: there, whatever may have been sent
    in other words counts as equal.
    """
    if attempt.stands_in:
        return _fits(job.input, told)
    return told == (attempt.input or job.input)


def _fits(own: Any, told: Any) -> bool:
    if isinstance(own, dict) and isinstance(told, dict):
        return own.keys() == told.keys() and all(_fits(own[key], told[key]) for key in own)
    if isinstance(own, list) and isinstance(told, list):
        return len(own) == len(told) and all(map(_fits, own, told))
    return bool(own == told) or (isinstance(told, str) and has_files(own))
