CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    input jsonb NOT NULL,
    status text NOT NULL DEFAULT 'queued',
    output_key text,
    output_sha256 text,
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz
);

CREATE TABLE history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id uuid NOT NULL REFERENCES jobs,
    status text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON history (job_id);

CREATE TABLE attempts (
    id uuid PRIMARY KEY,
    job_id uuid NOT NULL REFERENCES jobs,
    prediction_id text UNIQUE,
    began_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE INDEX ON attempts (job_id);

CREATE TABLE deliveries (
    webhook_id text PRIMARY KEY,
    job_id uuid NOT NULL REFERENCES jobs,
    prediction jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
