"""Celery's settings. State lives in Postgres: a message here is a hint and may be lost."""

from kombu import Exchange, Queue

from beat_schedule import SCHEDULE
from fixative.names import KEY_PREFIX, QUEUE_OF_TASK, QUEUES, UPKEEP
from fixative.settings import load_settings

_settings = load_settings()
broker_url = _settings.broker_url
result_backend = None
task_ignore_result = True
task_serializer = "json"
accept_content = ["json"]
enable_utc = True
timezone = "UTC"

include = [
    "worker.tasks.completion",
    "worker.tasks.derivation",
    "worker.tasks.notification",
    "worker.tasks.reconciliation",
    "worker.tasks.recovery",
    "worker.tasks.records",
    "worker.tasks.storage",
    "worker.tasks.submission",
    "worker.tasks.upkeep",
]
task_queues = [Queue(name, Exchange("fixative"), routing_key=name) for name in QUEUES]
task_routes = {task: {"queue": queue} for task, queue in QUEUE_OF_TASK.items()}
task_default_queue = UPKEEP
task_create_missing_queues = False

task_acks_late = True  # a message outlives a killed worker
task_acks_on_failure = True  # what failed is in Postgres; the message need not loop
task_acks_on_timeout = True
task_reject_on_worker_lost = True
task_retry_on_worker_lost = True  # bounds the line above
task_default_retry_delay = 10
task_time_limit = 330  # prefork only; threads have their own time-outs
task_soft_time_limit = 300
task_remote_tracebacks = False
# Tried once: the sweep sends a lost hint again. But for beat to another broker than Redis: that its
# connection was lost is found by a try, and only the next one connects anew.
task_publish_retry = not _settings.broker_is_redis
task_publish_retry_policy = {"max_retries": 1, "interval_start": 0}

worker_direct = True  # a queue of its own for each worker, in which it hears its canaries
worker_prefetch_multiplier = 1
worker_disable_prefetch = True
worker_max_tasks_per_child = 200  # prefork only, as is the next
worker_max_memory_per_child = 400_000  # KiB
worker_hijack_root_logger = False
worker_cancel_long_running_tasks_on_connection_loss = False  # a threads pool cannot

broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_connection_timeout = 4
broker_pool_limit = 32
_of_redis = {
    "visibility_timeout": 600,  # a late copy is harmless: the row says whether there is work
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "unacked_restore_limit": 100,
    "max_connections": 128,  # kombu's 10 loses acks
    "socket_timeout": 15,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    # Not retry_on_timeout: with it redis-py also makes a broken subscription anew by itself, and
    # reads it without a time-out, in the thread that hears the queues. Celery is to learn of it.
    "health_check_interval": 10,  # a half-open connection is noticed in about 20 s
    "global_keyprefix": KEY_PREFIX,
    "client_name": "fixative",
    "queue_order_strategy": "round_robin",
}

broker_transport_options = _of_redis if _settings.broker_is_redis else {}

beat_schedule = SCHEDULE
beat_scheduler = "celery.beat:Scheduler"  # in memory: ticks are claimed in Postgres
beat_max_loop_interval = 1
