-- Jobs by month, first part: beside a running system, and again if it was cut off. docs/scaling.md says for whom.
-- It must not be run in one transaction: the statements are committed one by one.

-- A key is its owner's once in all months, which no index over months can hold: a table can.
CREATE TABLE IF NOT EXISTS job_keys (
    owner_id uuid NOT NULL,
    idempotency_key varchar NOT NULL,
    job_id uuid NOT NULL,
    PRIMARY KEY (owner_id, idempotency_key)
);

-- As ON CONFLICT DO NOTHING does it: who comes second waits for the first's commit, and inserts nothing then.
CREATE OR REPLACE FUNCTION take_job_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A job that is there already is the primary key's to refuse.
    IF NOT EXISTS (SELECT FROM jobs WHERE id = NEW.id) THEN
        INSERT INTO job_keys VALUES (NEW.owner_id, NEW.idempotency_key, NEW.id) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION change_job_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM job_keys
    WHERE owner_id = OLD.owner_id AND idempotency_key = OLD.idempotency_key AND job_id = OLD.id;
    IF TG_OP = 'UPDATE' AND NEW.idempotency_key IS NOT NULL THEN
        INSERT INTO job_keys VALUES (NEW.owner_id, NEW.idempotency_key, NEW.id);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER take_job_key BEFORE INSERT ON jobs
FOR EACH ROW WHEN (NEW.idempotency_key IS NOT NULL) EXECUTE FUNCTION take_job_key();

CREATE OR REPLACE TRIGGER change_job_key AFTER UPDATE OF idempotency_key ON jobs
FOR EACH ROW WHEN (OLD.idempotency_key IS DISTINCT FROM NEW.idempotency_key) EXECUTE FUNCTION change_job_key();

CREATE OR REPLACE TRIGGER drop_job_key AFTER DELETE ON jobs
FOR EACH ROW WHEN (OLD.idempotency_key IS NOT NULL) EXECUTE FUNCTION change_job_key();

-- The keys of jobs that were there before the triggers; then those go that were taken back meanwhile.
INSERT INTO job_keys
SELECT owner_id, idempotency_key, id FROM jobs WHERE idempotency_key IS NOT NULL
ON CONFLICT (owner_id, idempotency_key) DO UPDATE SET job_id = excluded.job_id;

DELETE FROM job_keys WHERE NOT EXISTS (
    SELECT FROM jobs WHERE id = job_id AND jobs.idempotency_key = job_keys.idempotency_key
);

-- The one index over months that finds a job by its key; the unique one goes with the conversion.
DROP INDEX CONCURRENTLY IF EXISTS ix_jobs_idempotency;
CREATE INDEX CONCURRENTLY ix_jobs_idempotency ON jobs (owner_id, idempotency_key)
WHERE idempotency_key IS NOT NULL;

-- What is known of the rows need not be looked up under a lock: all are from before the month after next.
DO $$
DECLARE
    bound timestamptz := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '2 months';
BEGIN
    ALTER TABLE jobs DROP CONSTRAINT IF EXISTS jobs_before;
    EXECUTE format('ALTER TABLE jobs ADD CONSTRAINT jobs_before CHECK (id < %L::uuid) NOT VALID',
        lpad(to_hex((extract(epoch FROM bound) * 1000)::bigint), 12, '0') || '00000000000000000000');
END $$;
ALTER TABLE jobs VALIDATE CONSTRAINT jobs_before;
