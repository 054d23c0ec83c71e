"""Wire names: queues, tasks, and the hint that joins them. Changing one needs an ADR."""

from dataclasses import dataclass, field
from typing import Any

SUBMIT = "submit"
COMPLETE = "complete"
STORE = "store"
STORE_LARGE = "store_large"
DERIVE = "derive"
SYNC = "sync"
NOTIFY = "notify"
UPKEEP = "upkeep"
QUEUES = (SUBMIT, COMPLETE, STORE, STORE_LARGE, DERIVE, SYNC, NOTIFY, UPKEEP)

CREATE_PREDICTION = "fixative.create_prediction"
CANCEL_PREDICTION = "fixative.cancel_prediction"
INGEST_PREDICTION = "fixative.ingest_prediction"
STORE_OUTPUTS = "fixative.store_outputs"
DERIVE_MEDIA = "fixative.derive_media"
ADMIT = "fixative.admit"
SWEEP = "fixative.sweep"
POLL_PREDICTIONS = "fixative.poll_predictions"
ADOPT_UNKNOWN = "fixative.adopt_unknown"
RECORD_RESULT = "fixative.record_result"
RECORD_ACCEPTED = "fixative.record_accepted"
WRITE_SUMMARY = "fixative.write_summary"
REPLAY_RECORD = "fixative.replay_record"
NOTIFY_SUBSCRIBER = "fixative.notify_subscriber"
PURGE_EXPIRED = "fixative.purge_expired"
EXPORT_ACCESS = "fixative.export_access"
EXPORT_MONEY = "fixative.export_money"
SYNC_HISTORY = "fixative.sync_history"
CHECK_MODELS = "fixative.check_models"
CANARY = "fixative.canary"

KEY_PREFIX = "fixative:"  # of every key that Celery keeps in Redis

QUEUE_OF_TASK = {
    CREATE_PREDICTION: SUBMIT,
    CANCEL_PREDICTION: SUBMIT,
    INGEST_PREDICTION: COMPLETE,
    STORE_OUTPUTS: STORE,
    DERIVE_MEDIA: DERIVE,
    RECORD_RESULT: STORE,
    SYNC_HISTORY: SYNC,
    RECORD_ACCEPTED: UPKEEP,
    WRITE_SUMMARY: UPKEEP,
    REPLAY_RECORD: SYNC,
    NOTIFY_SUBSCRIBER: NOTIFY,
    PURGE_EXPIRED: UPKEEP,
    EXPORT_ACCESS: UPKEEP,
    EXPORT_MONEY: UPKEEP,
    CHECK_MODELS: UPKEEP,
    ADMIT: UPKEEP,
    SWEEP: UPKEEP,
    POLL_PREDICTIONS: UPKEEP,
    ADOPT_UNKNOWN: UPKEEP,
    CANARY: UPKEEP,  # by hand; the sweep sends it to one worker's own queue
}

# What is done at once by whoever is done with what comes before it: a message would cost more.
AT_ONCE = frozenset((RECORD_RESULT,))

QUEUES_OF_ROLE = {
    "worker-io": (SUBMIT, COMPLETE, NOTIFY, UPKEEP),
    "worker-store": (STORE, STORE_LARGE, SYNC),
    "worker-derive": (DERIVE,),
}


@dataclass(frozen=True)
class Hint:
    """A message that names work; the row it names is the work itself (ids only, JSON-plain)."""

    task: str
    arguments: dict[str, Any] = field(default_factory=dict)
    large: bool = False  # goes beside the task's usual queue, so that it holds nobody up

    @property
    def queue(self) -> str:
        """Where its message goes."""
        return STORE_LARGE if self.large else QUEUE_OF_TASK[self.task]
