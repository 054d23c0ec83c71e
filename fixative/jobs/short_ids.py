"""An id of ours in the form that Replicate's ids have: 26 characters of Crockford's base 32."""

import re
import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from fixative.postgres.tables import Attempt

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
A_PREDICTION = re.compile(r"[a-z0-9]{1,64}")  # of Replicate's ids no more is promised


def short_id(id_: uuid.UUID) -> str:
    """The id of a job or a file as a client of Replicate's knows ids."""
    digits = (id_.int >> 5 * place & 31 for place in reversed(range(LENGTH)))
    return "".join(ALPHABET[digit] for digit in digits)


def read_id(text: str) -> uuid.UUID | None:
    """The id in either form; None for what is neither."""
    try:
        return uuid.UUID(text)
    except ValueError:
        pass
    if len(text) != LENGTH or not all(letter in ALPHABET for letter in text):
        return None
    number = 0
    for letter in text:
        number = number << 5 | ALPHABET.index(letter)
    return uuid.UUID(int=number) if number < 1 << 128 else None


def job_of_prediction(session: Session, text: str) -> uuid.UUID | None:
    """The job that Replicate's prediction of this id was made for."""
    if not A_PREDICTION.fullmatch(text):
        return None
    return session.scalar(select(Attempt.job_id).where(Attempt.prediction_id == text))
