"""What the careful peers write down, and how they move a job: SQL, the same for all of them."""

from typing import Any

from sqlalchemy import text

INSERT_JOB = text("""
WITH job AS (INSERT INTO jobs (id, input) VALUES (:id, :input) RETURNING id, status)
INSERT INTO history (job_id, status) SELECT id, status FROM job""")
MOVE = text("""
WITH moved AS (
    UPDATE jobs SET status = CAST(:to AS text),
        output_key = coalesce(:key, output_key), output_sha256 = coalesce(:sha256, output_sha256),
        completed_at = CASE WHEN :to IN ('succeeded', 'failed', 'canceled') THEN now() END
    WHERE id = :id AND status = ANY(:from) RETURNING id
)
INSERT INTO history (job_id, status) SELECT id, :to FROM moved""")
INSERT_ATTEMPT = text("INSERT INTO attempts (id, job_id) VALUES (:id, :job)")
END_ATTEMPT = text("""
UPDATE attempts SET prediction_id = :prediction, ended_at = now() WHERE id = :id""")
INSERT_DELIVERY = text("""
INSERT INTO deliveries (webhook_id, job_id, prediction) VALUES (:id, :job, :prediction)
ON CONFLICT DO NOTHING""")
PREDICTION = text("SELECT prediction FROM deliveries WHERE webhook_id = :id")

# `storing` again: the worker that moved it there died.
BEFORE_ITS_END = ("submitting", "processing", "storing")


def to(status: str, job_id: str, *from_: str, **output: str) -> dict[str, Any]:
    """What MOVE is executed with; it changes one row if the job is `from_` one of these."""
    values = {"id": job_id, "to": status, "from": list(from_)}
    return {**values, "key": None, "sha256": None, **output}


def after(prediction: dict[str, Any]) -> str:
    """The status of a job whose prediction has ended so."""
    return "storing" if prediction["status"] == "succeeded" else str(prediction["status"])
