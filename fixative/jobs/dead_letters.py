"""Dead letters: what is known of a task that ended for good without doing its work."""

import traceback
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.postgres.operation_tables import DeadLetter
from fixative.telemetry.metrics import DEAD_LETTERS


def bury(
    session: Session,
    task: str,
    arguments: dict[str, Any],
    error: BaseException,
    *,
    attempts: int = 1,
) -> None:
    """Write a dead letter, under the job that the arguments name, if they name one.

    `attempts` is how often the task was tried.
    """
    DEAD_LETTERS.labels(task).inc()
    session.add(
        DeadLetter(
            id=uuid7(),
            task=task,
            arguments=arguments,
            job_id=_job_id(arguments),
            error_class=type(error).__name__,
            message=_storable(str(error)),
            traceback=_storable("".join(traceback.format_exception(error))),
            attempts=attempts,
        )
    )


def _storable(text: str) -> str:
    """Postgres takes no NUL in a text; an error may well quote one."""
    return text.replace("\0", "")


def _job_id(arguments: dict[str, Any]) -> UUID | None:
    try:
        return UUID(arguments["job_id"])
    except (KeyError, TypeError, ValueError):
        return None
