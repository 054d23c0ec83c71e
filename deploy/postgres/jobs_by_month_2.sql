-- Jobs by month, second part: all that was there becomes the first partition, as it lies. One transaction,
-- which waits five seconds for its lock and then gives up; run it again. Nobody reads jobs meanwhile.
BEGIN;
SET LOCAL lock_timeout = '5s';
LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE;

DO $$
DECLARE
    bound uuid := (SELECT substring(pg_get_constraintdef(oid) FROM '''([0-9a-f-]{36})''')::uuid
        FROM pg_constraint WHERE conname = 'jobs_before' AND convalidated);
    starts timestamptz;
    ends timestamptz;
    step record;
    indexes text[] := ARRAY(SELECT indexname::text FROM pg_indexes
        WHERE schemaname = 'public' AND tablename = 'jobs' AND indexname NOT IN ('pk_jobs', 'uq_jobs_idempotency'));
    definitions text[] := ARRAY(SELECT indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename = 'jobs' AND indexname NOT IN ('pk_jobs', 'uq_jobs_idempotency'));
    keys_out text[] := ARRAY(SELECT format('ALTER TABLE jobs ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE conrelid = 'jobs'::regclass AND contype = 'f');
    triggers text[] := ARRAY(SELECT pg_get_triggerdef(oid) FROM pg_trigger
        WHERE tgrelid = 'jobs'::regclass AND NOT tgisinternal);
    keys_in text[] := ARRAY[]::text[];
    statement text;
BEGIN
    IF bound IS NULL THEN
        RAISE 'the first part was not run to its end';
    END IF;
    FOR step IN SELECT conname, conrelid::regclass AS of, pg_get_constraintdef(oid) AS definition
        FROM pg_constraint WHERE confrelid = 'jobs'::regclass AND contype = 'f'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', step.of, step.conname);
        keys_in := keys_in || format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', step.of, step.conname, step.definition);
    END LOOP;
    FOR step IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'jobs'::regclass AND NOT tgisinternal LOOP
        EXECUTE format('DROP TRIGGER %I ON jobs', step.tgname);
    END LOOP;

    DROP INDEX uq_jobs_idempotency;
    ALTER TABLE jobs RENAME TO jobs_first;
    ALTER TABLE jobs_first RENAME CONSTRAINT pk_jobs TO pk_jobs_first;
    FOREACH statement IN ARRAY indexes LOOP
        EXECUTE format('ALTER INDEX %I RENAME TO %I', statement, statement || '_first');
    END LOOP;

    CREATE TABLE jobs (LIKE jobs_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS, CONSTRAINT pk_jobs PRIMARY KEY (id))
    PARTITION BY RANGE (id);
    ALTER TABLE jobs DROP CONSTRAINT jobs_before;
    FOREACH statement IN ARRAY definitions LOOP
        EXECUTE statement;
    END LOOP;
    FOREACH statement IN ARRAY keys_out LOOP
        EXECUTE statement;
    END LOOP;
    EXECUTE format('ALTER TABLE jobs ATTACH PARTITION jobs_first FOR VALUES FROM (MINVALUE) TO (%L)', bound);
    FOREACH statement IN ARRAY triggers LOOP
        EXECUTE statement;
    END LOOP;
    FOREACH statement IN ARRAY keys_in LOOP
        EXECUTE statement;
    END LOOP;

    -- Twelve months from there on. What is of none of them, and of no time, has its place too.
    starts := to_timestamp((('x' || left(replace(bound::text, '-', ''), 12))::bit(48)::bigint) / 1000.0);
    FOR month IN 1..12 LOOP
        ends := (starts AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
        EXECUTE format('CREATE TABLE %I PARTITION OF jobs FOR VALUES FROM (%L) TO (%L)',
            'jobs_' || to_char(starts AT TIME ZONE 'UTC', 'YYYY_MM'), bound,
            lpad(to_hex((extract(epoch FROM ends) * 1000)::bigint), 12, '0') || '00000000000000000000');
        starts := ends;
        bound := (lpad(to_hex((extract(epoch FROM ends) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid;
    END LOOP;
    CREATE TABLE jobs_later PARTITION OF jobs DEFAULT;
END $$;
COMMIT;
