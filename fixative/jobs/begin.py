"""The attempt that is written down before a prediction is asked for."""

from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.postgres.prepared import Prepared
from fixative.postgres.tables import Attempt, Job

_columns = Attempt.__table__.c
_BEGIN = text("""
    WITH placed AS (
        UPDATE jobs SET attempt_id = :id, waiting_reason = NULL WHERE id = :job_id
    )
    INSERT INTO attempts (id, job_id, number, version, input, account, counted)
    SELECT :id, :job_id, count(*) + 1, :version, :input, :account, :counted
    FROM attempts WHERE job_id = :job_id
    RETURNING number, created_at
""").bindparams(
    *(
        bindparam(name, type_=_columns[name].type)
        for name in ("id", "job_id", "version", "input", "account", "counted")
    )
)
BEGIN = Prepared[Any](_BEGIN)


def begin_attempt(
    session: Session,
    job: Job,
    version: str | None,
    input_: dict[str, Any] | None,
    account: str | None,
) -> Attempt:
    """The job's next attempt, open and in its place, once the session commits; a snapshot of it.

    The job's row is to be locked: of two that begin at once one would have the other's number.
    """
    told = {
        "id": uuid7(),
        "job_id": job.id,
        "version": version,
        "input": input_,
        "account": account,
        "counted": job.max_cost,
    }
    (made,) = BEGIN.all(session, **told)
    return Attempt(outcome="open", **told, **made._asdict())
