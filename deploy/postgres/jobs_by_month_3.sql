-- Jobs by month, third part: rows that point to jobs are looked through, beside a running system.
DO $$
DECLARE
    step record;
BEGIN
    FOR step IN SELECT conname, conrelid::regclass AS of FROM pg_constraint
        WHERE confrelid = 'jobs'::regclass AND contype = 'f' AND NOT convalidated
    LOOP
        EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', step.of, step.conname);
    END LOOP;
END $$;
