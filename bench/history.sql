-- A history of jobs, statement by statement. {jobs}: how many; {slim}: with the fewest companions.

-- An id as ours are made, of version 7: its instant, then what is always the same for n and salt.
CREATE FUNCTION pg_temp.id_of(at timestamptz, n bigint, salt text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || '7' || substr(md5(salt || n), 1, 3) || 'a' || substr(md5(salt || n), 5, 15))::uuid
$$;

INSERT INTO owners (id, name)
SELECT pg_temp.id_of(now() - interval '1 year', n, 'owner'), 'owner-' || n
FROM generate_series(0, 9) AS n;

-- The last {lately} jobs came within a week, the last {unfinished} of them have not ended: however
-- long the history, there is as much to do. `left` counts the jobs that came after.
CREATE UNLOGGED TABLE seeded AS
SELECT n, "left", at, pg_temp.id_of(at, n, 'job') AS id, pg_temp.id_of(at, n, 'try') AS attempt_id,
    substr(md5('p' || n), 1, 26) AS prediction_id,
    pg_temp.id_of(now() - interval '1 year', CASE
        WHEN n % ({jobs} / 10) = 3 THEN 9
        WHEN share < 12 THEN 0
        ELSE share - 11 END, 'owner') AS owner_id,
    CASE
        WHEN "left" < 60 THEN 'queued'
        WHEN "left" < 80 THEN 'submitting'
        WHEN "left" < 100 THEN 'starting'
        WHEN "left" < 160 THEN 'processing'
        WHEN "left" < {unfinished} THEN 'storing'
        WHEN chance < 3 THEN 'failed'
        WHEN chance < 5 THEN 'canceled'
        ELSE 'succeeded' END AS status,
    CASE
        WHEN n % ({jobs} / 10) = 5 THEN 'rare/model'
        WHEN chance % 20 < 10 THEN 'black-forest-labs/flux-schnell'
        WHEN chance % 20 < 14 THEN 'black-forest-labs/flux-dev'
        WHEN chance % 20 < 17 THEN 'minimax/video-01'
        ELSE 'meta/meta-llama-3-8b-instruct' END AS model,
    CASE
        WHEN n % ({jobs} / 10) = 7 THEN 'rare'
        WHEN n % 10 = 1 THEN 'always'
        WHEN n % 5 = 2 THEN 'campaign-' || n / 1000 END AS label,
    n % 10 = 4 AS told,
    chance % 20 < 14 AS priced,
    "left" >= {unfinished} AND n % 200 = 11 AS deleted
FROM (
    SELECT n, {jobs} - n AS "left", abs(hashint4(n::int)) % 100 AS chance,
        abs(hashint4(-n::int)) % 20 AS share,
        CASE WHEN n <= {jobs} - {lately}
            THEN now() - interval '180 days' + interval '172 days' * (n::float8 / {jobs})
            ELSE now() - interval '7 days' * (({jobs} - n + 1)::float8 / {lately}) END AS at
    FROM generate_series(1, {jobs}) AS n
) AS numbered;

INSERT INTO jobs (id, owner_id, idempotency_key, request_hash, status, job_type, model, input, label,
    batch_id, webhook, webhook_events, cache_key, price, max_cost, cost, cost_basis, attempt_id, error,
    fair_at, next_attempt_at, waiting_reason, hinted_at, derive_due_at, acceptance_recorded_at,
    record_due_at, expires_at, large, cancel_requested_at, deadline, created_at, updated_at,
    submitted_at, completed_at, deleted_at)
SELECT id, owner_id, CASE WHEN n % 5 = 0 AND NOT deleted THEN 'key-' || n END, md5('request' || n),
    status, CASE WHEN model LIKE 'minimax%' THEN 'video' WHEN model LIKE 'meta/%' THEN 'text'
        ELSE 'image' END,
    model,
    CASE WHEN deleted THEN '{{}}'::json ELSE json_build_object('prompt', concat_ws(' ',
        'a photograph of', 'ten' || n % 10, 'hundred' || n % 100, 'thousand' || n % 1000,
        'unique' || n,
        CASE WHEN n % ({jobs} / 80) = 9 THEN 'seldom' END,
        CASE WHEN n % ({jobs} / 1600) = 4 THEN 'sometimes' END, 'in the morning fog'), 'aspect_ratio', '16:9', 'seed', n) END,
    CASE WHEN NOT deleted THEN label END,
    CASE WHEN n % 1000 < 20 THEN pg_temp.id_of(now() - interval '1 year', n / 1000, 'batch') END,
    CASE WHEN told THEN 'https://product.example/hooks' END,
    CASE WHEN told THEN '["succeeded", "failed", "canceled", "waiting"]'::jsonb END,
    CASE WHEN n % 10 = 6 THEN 'v1:' || md5('cache' || n) END,
    CASE WHEN priced THEN '{{"per_run": "0.003"}}'::json END,
    CASE WHEN priced THEN 0.003 END,
    CASE WHEN priced AND "left" >= {unfinished} THEN 0.003 END,
    CASE WHEN priced AND "left" >= {unfinished} THEN '1 run × 0.003' END,
    CASE WHEN status <> 'queued' AND (status <> 'submitting' OR "left" % 2 = 0) THEN attempt_id END,
    CASE WHEN status = 'failed'
        THEN '{{"code": "model_error", "message": "it failed", "retryable": false}}'::json END,
    at, CASE WHEN status = 'queued' AND "left" % 3 = 0 THEN now() + interval '1 day' ELSE at END,
    CASE WHEN status = 'submitting' AND "left" % 4 = 0 THEN 'needs_review'
        WHEN status = 'queued' AND "left" % 2 = 0 THEN 'pace' END,
    at,
    CASE WHEN "left" BETWEEN {unfinished} AND {unfinished} + 20 AND NOT deleted THEN at END,
    CASE WHEN "left" >= 30 THEN at END,
    CASE WHEN "left" BETWEEN {unfinished} + 30 AND {unfinished} + 50 AND NOT deleted THEN at END,
    CASE WHEN status = 'storing' THEN now() + interval '1 hour' END,
    status = 'storing' AND "left" % 5 = 0,
    CASE WHEN status = 'processing' AND "left" % 10 = 0 THEN at END,
    CASE WHEN status = 'queued' AND "left" % 10 = 0 THEN now() + interval '1 hour' END,
    at, at + interval '9 seconds',
    CASE WHEN status NOT IN ('queued', 'submitting') THEN at + interval '1 second' END,
    CASE WHEN "left" >= {unfinished} THEN at + interval '9 seconds' END,
    CASE WHEN deleted THEN at + interval '1 day' END
FROM seeded;

INSERT INTO attempts (id, job_id, number, outcome, account, created_at, ended_at, settled_at,
    prediction_id, prediction_status, prediction, counted)
SELECT attempt_id, id, 1,
    CASE WHEN status <> 'submitting' THEN 'created' WHEN "left" % 4 = 0 THEN 'unknown' ELSE 'open' END,
    'acme', at + interval '500 ms',
    CASE WHEN status <> 'submitting' OR "left" % 4 = 0 THEN at + interval '1 second' END,
    CASE WHEN status <> 'submitting' THEN at + interval '1 second' END,
    CASE WHEN status <> 'submitting' THEN prediction_id END,
    CASE status WHEN 'submitting' THEN NULL WHEN 'storing' THEN 'succeeded' ELSE status END,
    CASE WHEN status <> 'submitting' AND NOT deleted THEN json_build_object(
        'id', prediction_id, 'model', model, 'version', md5(model) || md5('v' || model),
        'status', CASE status WHEN 'storing' THEN 'succeeded' ELSE status END,
        'created_at', at + interval '600 ms', 'started_at', at + interval '2 seconds',
        'completed_at', CASE WHEN "left" >= 160 THEN at + interval '8 seconds' END, 'source', 'api',
        'output', CASE WHEN status IN ('succeeded', 'storing')
            THEN json_build_array('https://replicate.delivery/' || md5('o' || n) || '/out-0.webp') END,
        'logs', CASE WHEN {slim} THEN '' ELSE repeat('a step of many, at its pace' || chr(10), 18) END,
        'metrics', json_build_object('predict_time', 5.9, 'image_count', 1),
        'urls', json_build_object('get', 'https://api.replicate.com/v1/predictions/' || prediction_id))
    END,
    CASE WHEN priced THEN 0.003 END
FROM seeded WHERE status <> 'queued' AND (status <> 'submitting' OR "left" % 2 = 0);

INSERT INTO transitions (job_id, at, cause, from_status, to_status, stream)
SELECT id, at + interval '1 second' * step, CASE step WHEN 0 THEN 'api' WHEN 2 THEN 'webhook'
        WHEN 3 THEN 'webhook' ELSE 'task' END,
    path[step], path[step + 1], owner_id
FROM seeded,
    LATERAL (SELECT CASE status
        WHEN 'succeeded' THEN ARRAY['queued', 'submitting', 'processing', 'storing', status]
        WHEN 'failed' THEN ARRAY['queued', 'submitting', 'processing', status]
        WHEN 'canceled' THEN ARRAY['queued', 'submitting', 'processing', status]
        WHEN 'storing' THEN ARRAY['queued', 'submitting', 'processing', status]
        WHEN 'queued' THEN ARRAY[status]
        ELSE ARRAY['queued', status] END AS path) AS paths,
    LATERAL generate_series(CASE WHEN {slim} THEN cardinality(path) - 1 ELSE 0 END,
        cardinality(path) - 1) AS step
ORDER BY n, step;

INSERT INTO deliveries (webhook_id, prediction_id, prediction_status, job_id, prediction, received_at,
    next_attempt_at, processed_at, result)
SELECT 'msg_' || md5('d' || n), seeded.prediction_id,
    CASE status WHEN 'storing' THEN 'succeeded' ELSE status END, seeded.id, prediction,
    at + interval '9 s', at + interval '19 s',
    CASE WHEN status <> 'processing' OR "left" % 3 <> 0 THEN at + interval '9 s' END,
    CASE WHEN status <> 'processing' OR "left" % 3 <> 0 THEN 'moved' END
FROM seeded JOIN attempts ON attempts.id = seeded.attempt_id
WHERE prediction IS NOT NULL AND (NOT {slim} OR "left" < {lately});

INSERT INTO media (id, job_id, attempt_id, index, role, name, key, kind, content_type, bytes, sha256,
    pointers, width, height, created_at)
SELECT pg_temp.id_of(at + interval '9 s', n, role), id, attempt_id, 0, role, role || '-0.webp',
    concat_ws('/', 'media', to_char(at, 'YYYY/MM/DD'), id, role || '-0.webp'), 'image', 'image/webp',
    100000 + n % 50000, md5(role || n) || md5(n || role), '[[0]]', 1024, 576, at + interval '9 s'
FROM seeded, unnest(CASE WHEN {slim} THEN ARRAY['original'] ELSE ARRAY['original', 'thumbnail'] END) AS role
WHERE status = 'succeeded' AND NOT deleted;

INSERT INTO files (id, owner_id, job_id, name, key, content_type, bytes, sha256, created_at, stored_at,
    used_at)
SELECT pg_temp.id_of(at, n, 'file'), owner_id, CASE WHEN n % 100 = 8 THEN id END, 'in.png',
    'inputs/' || md5('file' || n), 'image/png', 50000, md5('file' || n), at, at, at
FROM seeded WHERE n % 50 = 8 AND NOT deleted;

INSERT INTO notifications (id, job_id, owner_id, event, url, at, next_attempt_at, tries, delivered_at, log)
SELECT pg_temp.id_of(at, n, 'told'), id, owner_id, status, 'https://product.example/hooks',
    at + interval '9 s', CASE WHEN "left" < {unfinished} + 200 THEN at END, 1,
    CASE WHEN "left" >= {unfinished} + 200 AND n % 500 <> 4 THEN at + interval '10 s' END,
    jsonb_build_array(jsonb_build_object('at', at + interval '10 s', 'status', 200, 'error', NULL))
FROM seeded WHERE told AND "left" >= {unfinished} AND NOT deleted;

INSERT INTO ledger (id, job_id, owner_id, model, day, kind, reserved, spent, at)
SELECT pg_temp.id_of(at, n, kind), id, owner_id, model, (at AT TIME ZONE 'UTC')::date, kind,
    CASE kind WHEN 'reserve' THEN 0.003 ELSE -0.003 END, CASE kind WHEN 'settle' THEN 0.003 ELSE 0 END, at
FROM seeded, unnest(CASE WHEN "left" >= {unfinished} THEN ARRAY['reserve', 'settle'] ELSE ARRAY['reserve'] END)
    AS kind
WHERE priced AND (NOT {slim} OR "left" < {lately});

INSERT INTO spend_days (day, amount) SELECT day, sum(spent) FROM ledger GROUP BY day;

INSERT INTO budgets (holder, period, owner_id, amount)
SELECT 'owner:' || id, period, id, 1000000
FROM owners, unnest(ARRAY['day', 'month', 'total']) AS period WHERE name IN ('owner-0', 'owner-2');

INSERT INTO balances (holder, period, starts, reserved, spent)
SELECT 'owner:' || owner_id, period, CASE period WHEN 'total' THEN '1970-01-01'
        ELSE date_trunc(period, now() AT TIME ZONE 'UTC')::date END, sum(reserved), sum(spent)
FROM ledger JOIN budgets USING (owner_id) GROUP BY owner_id, period;

INSERT INTO batches (id, owner_id, label, created_at)
SELECT DISTINCT ON (batch_id) batch_id, owner_id, 'a batch', created_at
FROM jobs WHERE batch_id IS NOT NULL ORDER BY batch_id;

INSERT INTO dead_letters (id, task, arguments, job_id, error_class, message, traceback, created_at,
    requeued_at)
SELECT pg_temp.id_of(at, n, 'dead'), 'fixative.store_outputs', jsonb_build_object('job_id', id), id,
    'BucketError', 'the bucket is away', repeat('a line of a traceback' || chr(10), 20), at,
    CASE WHEN "left" >= {unfinished} + 50 THEN at + interval '1 hour' END
FROM seeded WHERE (n % 500 = 17 OR "left" BETWEEN {unfinished} AND {unfinished} + 50) AND NOT deleted;

INSERT INTO sync_runs (id, mode, status, walk_back_to, pages, predictions_checked, began_at, started_at,
    updated_at, finished_at)
SELECT pg_temp.id_of(at, n, 'sync'), 'regular', 'complete', at - interval '25 minutes', 3, 250, at, at, at,
    at + interval '5 s'
FROM (SELECT n, now() - interval '10 minutes' * (4320 - n) AS at FROM generate_series(1, 4320) AS n) AS runs;

DROP TABLE seeded;
