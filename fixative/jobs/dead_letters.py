"""Dead letters: what is known of a task that ended for good without doing its work."""

import traceback
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, true, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.errors import NotFound
from fixative.postgres.base import written_out
from fixative.postgres.operation_tables import DeadLetter
from fixative.postgres.tables import Job
from fixative.telemetry.metrics import DEAD_LETTERS


@dataclass(frozen=True)
class LetterQuery:
    """Which letters to list; None leaves a thing open. `requeued`: those that were tried again."""

    task: str | None = None
    job_id: uuid.UUID | None = None
    requeued: bool = False


def bury(
    session: Session,
    task: str,
    arguments: dict[str, Any],
    error: BaseException,
    *,
    attempts: int | None = None,
) -> None:
    """Write a dead letter, under the job that the arguments name, if they name one.

    `attempts` is how often the task was tried; the job's own count where it is not given. The same
    task that ends again in the same way, while its letter is open, is the same letter.
    """
    DEAD_LETTERS.labels(task).inc()
    arguments = _storable(arguments)
    job_id = _job_id(arguments)
    if attempts is None:
        attempts = session.scalar(select(Job.tries).where(Job.id == job_id)) or 1
    told = {
        "message": _storable(str(error)),
        "traceback": _storable("".join(traceback.format_exception(error))),
    }
    error_class = type(error).__name__
    known = session.scalar(
        update(DeadLetter)
        .where(
            true() if job_id is None else DeadLetter.job_id == job_id,
            DeadLetter.task == task,
            DeadLetter.arguments == arguments,
            DeadLetter.error_class == error_class,
            DeadLetter.requeued_at.is_(None),
        )
        .values(attempts=DeadLetter.attempts + 1, **told)
        .returning(DeadLetter.id)
    )
    if known is None:
        session.add(
            DeadLetter(
                id=uuid7(),
                task=task,
                arguments=arguments,
                job_id=job_id,
                error_class=error_class,
                attempts=max(1, attempts),
                **told,
            )
        )


def list_letters(
    session: Session, query: LetterQuery, *, before: uuid.UUID | None, limit: int
) -> list[DeadLetter]:
    """The newest `limit` letters older than the letter `before`."""
    tried_again = DeadLetter.requeued_at.is_not(None)
    page = select(DeadLetter).where(tried_again if query.requeued else ~tried_again)
    if query.task is not None:
        page = page.where(DeadLetter.task == query.task)
    if query.job_id is not None:
        page = page.where(DeadLetter.job_id == query.job_id)
    if before is not None:
        page = page.where(DeadLetter.id < before)
    return list(session.scalars(page.order_by(DeadLetter.id.desc()).limit(written_out(limit))))


def get_letter(session: Session, letter_id: uuid.UUID) -> DeadLetter:
    """The letter. Raises NotFound."""
    letter = session.get(DeadLetter, letter_id)
    if letter is None:
        raise NotFound(f"no dead letter {letter_id}")
    return letter


OPEN = (
    select(DeadLetter)
    .where(
        DeadLetter.job_id.in_(bindparam("of_jobs", expanding=True)),
        DeadLetter.requeued_at.is_(None),
    )
    .order_by(DeadLetter.id)
)


def letters_of_each(
    session: Session, job_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[DeadLetter]]:
    """The open letters of each of these jobs, oldest first."""
    found: dict[uuid.UUID, list[DeadLetter]] = {job_id: [] for job_id in job_ids}
    for letter in session.scalars(OPEN, {"of_jobs": list(job_ids)}):
        if letter.job_id is not None:
            found[letter.job_id].append(letter)
    return found


def _storable(value: Any) -> Any:
    """Postgres takes no NUL and no half of a surrogate pair; an error may well quote either."""
    match value:
        case str():
            return value.replace("\0", "").encode(errors="backslashreplace").decode()
        case dict():
            return {_storable(key): _storable(item) for key, item in value.items()}
        case list():
            return [_storable(item) for item in value]
        case _:
            return value


def _job_id(arguments: dict[str, Any]) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(arguments["job_id"]))
    except (KeyError, ValueError):
        return None
