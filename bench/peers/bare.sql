CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    input jsonb NOT NULL,
    status text NOT NULL DEFAULT 'queued',
    output_key text,
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz
);
