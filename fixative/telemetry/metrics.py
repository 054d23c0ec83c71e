"""Metrics: what happened, counted once where it happens. docs/metrics.md lists them all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from prometheus_client import Counter, Histogram, disable_created_metrics, values

from fixative.telemetry.places import Places

if directory := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    values.ValueClass = values.MultiProcessValue(Places(Path(directory)).mine)  # type: ignore[no-untyped-call]

disable_created_metrics()  # type: ignore[no-untyped-call]

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
CALLS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
WORK = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
JOBS = (0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200)
OF_JOB = ["job_type", "model"]

JOBS_ACCEPTED = Counter("fixative_jobs_accepted_total", "Jobs taken in", OF_JOB)
JOBS_STARTED = Counter("fixative_jobs_started_total", "Jobs whose prediction was created", OF_JOB)
JOBS_COMPLETED = Counter("fixative_jobs_completed_total", "Jobs that succeeded", OF_JOB)
JOBS_FAILED = Counter("fixative_jobs_failed_total", "Jobs that failed", [*OF_JOB, "error"])
JOBS_CANCELED = Counter(
    "fixative_jobs_canceled_total", "Jobs that were canceled, or aborted", [*OF_JOB, "error"]
)
JOB_SECONDS = Histogram(
    "fixative_job_seconds", "From acceptance to stored media", OF_JOB, buckets=JOBS
)
PREDICTION_SECONDS = Histogram(
    "fixative_prediction_seconds", "Runs at Replicate that succeeded", OF_JOB, buckets=JOBS
)
JOB_MOVES = Counter("fixative_job_moves_total", "Moves between statuses", ["from", "to", "cause"])
STATUS_SECONDS = Histogram(
    "fixative_status_seconds", "How long jobs were in a status", ["status"], buckets=JOBS
)
INPUTS = Counter(
    "fixative_inputs_total", "Inputs by their check: checked, unchecked, refused", ["check"]
)
CACHE_LOOKUPS = Counter("fixative_cache_lookups_total", "Requests that asked for an earlier result")
CACHE_HITS = Counter("fixative_cache_hits_total", "Requests that an earlier job answered")

ATTEMPTS = Counter("fixative_attempts_total", "Attempts by what they came to be", ["outcome"])
ADOPTED = Counter("fixative_adopted_total", "Attempts of unknown end whose prediction was found")
DUPLICATES = Counter("fixative_duplicates_total", "Predictions made twice, which were cancelled")
PREDICTION_ENDS = Counter(
    "fixative_prediction_ends_total", "Ends of predictions by how they were learnt", ["cause"]
)
REPLICATE_SECONDS = Histogram(
    "fixative_replicate_seconds", "Calls to Replicate", ["call", "answer"], buckets=CALLS
)
PACED_WAITS = Counter(
    "fixative_paced_waits_total", "Times that a call had to wait", ["kind", "reason"]
)

WEBHOOKS = Counter("fixative_webhooks_total", "Webhook POSTs by their answer", ["answer"])
WEBHOOK_LATENCY = Histogram(
    "fixative_webhook_latency_seconds", "From a prediction's end to its ingest", buckets=WORK
)
UNCLAIMED = Counter("fixative_deliveries_unclaimed_total", "Webhooks of predictions of nobody's")

STORE_SECONDS = Histogram("fixative_store_seconds", "Storing a job's outputs", buckets=WORK)
STORE_FAILURES = Counter("fixative_store_failures_total", "Tries of storing that failed", ["error"])
UPLOAD_SECONDS = Histogram("fixative_upload_seconds", "One file into the bucket", buckets=WORK)
STORED_FILES = Counter(
    "fixative_stored_files_total", "Objects written to the bucket", ["role", "kind"]
)
STORED_BYTES = Counter("fixative_stored_bytes_total", "Their bytes", ["role", "kind"])
DERIVE_SECONDS = Histogram("fixative_derive_seconds", "Deriving of a job's originals", buckets=WORK)
DERIVE_FAILURES = Counter(
    "fixative_derive_failures_total", "Originals that nothing could be derived from"
)

HTTP_SECONDS = Histogram(
    "fixative_http_request_seconds",
    "Requests, to the first byte of their answer",
    ["method", "route", "status"],
    buckets=CALLS,
)
DATABASE_SECONDS = Histogram(
    "fixative_database_seconds", "Transactions, from begin to commit", buckets=QUICK
)
DATABASE_AWAY = Counter("fixative_database_away_total", "Transactions Postgres did not answer")

TASKS = Counter("fixative_tasks_total", "Tasks by how they ended", ["task", "outcome"])
TASK_SECONDS = Histogram("fixative_task_seconds", "Seconds a task ran", ["task"], buckets=WORK)
HINT_SECONDS = Histogram(
    "fixative_hint_seconds", "How long messages were under way", ["queue"], buckets=WORK
)
HINTS_LOST = Counter("fixative_hints_lost_total", "Hints the broker did not take; swept later")
DEAD_LETTERS = Counter("fixative_dead_letters_total", "Tasks that ended for good", ["task"])
ALARMS = Counter("fixative_alarms_total", "What a person should know of, by what it is", ["alarm"])
NOTIFICATIONS = Counter("fixative_notifications_total", "Tries of telling", ["outcome"])


@contextmanager
def timed(seconds: Histogram) -> Iterator[None]:
    """Observe how long the block took that ends well."""
    began = monotonic()
    yield
    seconds.observe(monotonic() - began)
