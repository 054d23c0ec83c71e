"""The two statements by which a job moves, by hand: each is one round trip, and knows all of it."""

from typing import Any

from sqlalchemy import ARRAY, Interval, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSON, TIMESTAMP

from fixative.jobs.telling import EVENT_ID
from fixative.postgres.prepared import Prepared

# One statement by hand: five times a job, and an ORM-built one costs six times as much.
_MOVE = text(f"""
    WITH old AS (
        SELECT id, status, submitted_at AS first FROM jobs
        WHERE id = :job_id AND status = ANY(:allowed)
            AND (CAST(:token AS bigint) IS NULL OR lease_token = :token)
        FOR UPDATE
    ), moved AS (
        UPDATE jobs SET
            status = :to,
            updated_at = now(),
            hinted_at = now(),
            next_attempt_at = now() + :wait,
            waiting_reason = :waiting,
            error = coalesce(:error, error),
            tries = CASE WHEN :keep_tries THEN tries ELSE 0 END,
            crashes = CASE WHEN :survived THEN 0 ELSE crashes END,
            submitted_at = coalesce(submitted_at, :submitted_at),
            expires_at = :expires_at,
            large = false,
            derive_due_at = CASE WHEN :derive THEN now() END,
            record_due_at = CASE WHEN :terminal THEN now() END,
            completed_at = CASE WHEN :terminal THEN now() END,
            lease_until = NULL
        FROM old WHERE jobs.id = old.id
        RETURNING old.status AS was, jobs.id, owner_id, webhook, webhook_events, job_type,
            model, deployment, version, created_at, price IS NOT NULL AS priced,
            first IS NULL AND submitted_at IS NOT NULL AS started
    ), told AS (
        INSERT INTO notifications (id, job_id, owner_id, event, url)
        SELECT {EVENT_ID.format(job_id=":job_id", event=":to", at="now()")},
            :job_id, owner_id, :to, webhook FROM moved
        WHERE webhook IS NOT NULL AND webhook_events @> to_jsonb(:to)
            AND :cause NOT IN ('replay', 'rebuild')
        ON CONFLICT (id) DO NOTHING
    ), written AS (
        INSERT INTO transitions (job_id, cause, from_status, to_status, detail, stream)
        SELECT :job_id, :cause, was, :to, :detail, owner_id FROM moved
    )
    SELECT *, clock_timestamp() AS at,
        (SELECT at FROM transitions WHERE job_id = :job_id ORDER BY id DESC LIMIT 1) AS since
    FROM moved
""").bindparams(  # noqa: S608 - what is put in is a constant
    bindparam("job_id", type_=Uuid),
    bindparam("allowed", type_=ARRAY(Text)),
    bindparam("wait", type_=Interval),
    bindparam("error", type_=JSON(none_as_null=True)),
    bindparam("submitted_at", type_=TIMESTAMP(timezone=True)),
    bindparam("expires_at", type_=TIMESTAMP(timezone=True)),
    *(bindparam(name, type_=Text) for name in ("to", "waiting", "cause", "detail")),
)
MOVE = Prepared[Any](_MOVE)

# The only way back from an end: whoever works on what was there is fenced off, and the hint for
# the new stage is not waited for.
REOPEN = text("""
    WITH old AS (
        SELECT id, status FROM jobs
        WHERE id = :job_id AND status = ANY(:ended) AND deleted_at IS NULL
        FOR UPDATE
    ), reopened AS (
        UPDATE jobs SET
            status = :to,
            updated_at = now(),
            hinted_at = now() - interval '1 minute',
            next_attempt_at = now(),
            waiting_reason = NULL,
            told_waiting = NULL,
            error = NULL,
            warnings = NULL,
            tries = 0,
            crashes = 0,
            lease_token = lease_token + 1,
            lease_until = NULL,
            large = false,
            derive_due_at = NULL,
            record_due_at = NULL,
            cancel_requested_at = NULL,
            completed_at = NULL,
            expires_at = :expires_at,
            fair_at = coalesce(:fair_at, fair_at),
            deadline = now() + make_interval(secs => cancel_after),
            submitted_at = CASE WHEN NOT :anew THEN submitted_at END,
            attempt_id = CASE WHEN NOT :anew THEN attempt_id END,
            retried_after = CASE WHEN NOT :anew THEN retried_after ELSE
                (SELECT coalesce(max(number), 0) FROM attempts WHERE job_id = :job_id) END
        FROM old WHERE jobs.id = old.id
        RETURNING old.status, owner_id
    )
    INSERT INTO transitions (job_id, cause, from_status, to_status, detail, stream)
    SELECT :job_id, :cause, status, :to, :detail, owner_id FROM reopened
    RETURNING from_status
""").bindparams(
    bindparam("job_id", type_=Uuid),
    bindparam("ended", type_=ARRAY(Text)),
    bindparam("expires_at", type_=TIMESTAMP(timezone=True)),
    bindparam("fair_at", type_=TIMESTAMP(timezone=True)),
    *(bindparam(name, type_=Text) for name in ("to", "cause", "detail")),
)
