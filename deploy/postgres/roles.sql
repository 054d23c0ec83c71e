-- Three roles, so that nobody has more than they need:
--   fixative_owner  has the tables: `fixative migrate`, and nobody else
--   fixative_app    reads and writes rows: API, workers, beat
--   fixative_read   reads all but keys: people, dashboards
-- Run it in Fixative's database as whoever may make roles, after the first migration; again is no harm.
-- None can log in before it has a password: \password fixative_owner, and so on.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['fixative_owner', 'fixative_app', 'fixative_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
    END LOOP;
END $$;

-- Whoever gives something away has to be a member of its new owner.
GRANT fixative_owner TO CURRENT_USER;

DO $$
DECLARE
    relation regclass;
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO fixative_owner', current_database());
    -- An audit of the bucket compares it with a table of its own, which ends with its connection.
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO fixative_app', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO fixative_read', current_database());
    ALTER SCHEMA public OWNER TO fixative_owner;
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    FOR relation IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    LOOP -- their indexes and sequences go with them
        EXECUTE format('ALTER TABLE %s OWNER TO fixative_owner', relation);
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO fixative_app, fixative_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO fixative_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO fixative_app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO fixative_read;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM fixative_app;
REVOKE SELECT ON api_keys FROM fixative_read;

-- What later migrations make is theirs in the same way.
ALTER DEFAULT PRIVILEGES FOR ROLE fixative_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO fixative_app;
ALTER DEFAULT PRIVILEGES FOR ROLE fixative_owner IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO fixative_app;
ALTER DEFAULT PRIVILEGES FOR ROLE fixative_owner IN SCHEMA public
    GRANT SELECT ON TABLES TO fixative_read;
