"""Metrics: what happened, counted once where it happens."""

from prometheus_client import Counter, Histogram

JOBS_ACCEPTED = Counter("fixative_jobs_accepted_total", "Jobs taken in")
WEBHOOKS = Counter("fixative_webhooks_total", "Webhook POSTs by their answer", ["answer"])
TASKS = Counter("fixative_tasks_total", "Tasks by how they ended", ["task", "outcome"])
TASK_SECONDS = Histogram("fixative_task_seconds", "Seconds a task ran", ["task"])
HINTS_LOST = Counter("fixative_hints_lost_total", "Hints the broker did not take; swept later")
DEAD_LETTERS = Counter("fixative_dead_letters_total", "Tasks that ended for good", ["task"])
UNCLAIMED = Counter("fixative_deliveries_unclaimed_total", "Webhooks of predictions of nobody's")
NOTIFICATIONS = Counter("fixative_notifications_total", "Tries of telling", ["outcome"])
ALARMS = Counter("fixative_alarms_total", "What a person should know of, by what it is", ["alarm"])
