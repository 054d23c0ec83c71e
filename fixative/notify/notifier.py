"""Telling: one notification, then whatever else its origin is to be told."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from sqlalchemy import ColumnElement, select

from fixative.access.owners import get_owner
from fixative.errors import NotTold
from fixative.jobs.telling import REPLICATES_FORMAT
from fixative.jobs.work import work_on
from fixative.media.show import JobViews
from fixative.notify.notifications import end_try, next_try, take
from fixative.notify.post import Answer, Poster
from fixative.notify.signing import Secrets
from fixative.notify.subscribers import failed, listened, may_call
from fixative.postgres.engine import Database
from fixative.postgres.notification_tables import Notification
from fixative.postgres.tables import Job, Owner
from fixative.telemetry.metrics import NOTIFICATIONS

PLACES = 4  # of a process's threads, which have other work too
PLACES_EACH = 2  # so that one who hangs leaves room for others
TELLING_SECONDS = 30.0  # without a pause; then it is another's turn
GONE, TOO_MANY, IN_TROUBLE = 410, 429, 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Notifier:
    """Tells subscribers. Safe to use from many threads."""

    database: Database
    poster: Poster
    secrets: Secrets
    views: JobViews
    stopping: threading.Event
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _busy: Counter[str] = field(default_factory=Counter)

    def tell(self, notification_id: uuid.UUID) -> None:
        """Tell this, if it is due, then what else is due at its origin."""
        with self.database.begin() as session:
            wanted = select(Notification.origin).where(Notification.id == notification_id)
            origin = session.scalar(wanted)
        if origin is None:
            return
        with self._place(origin) as had:
            until = time.monotonic() + TELLING_SECONDS
            goes_on = had and self._tell_one(Notification.id == notification_id)
            while goes_on and time.monotonic() < until and not self.stopping.is_set():
                goes_on = self._tell_one(Notification.origin == origin)

    @contextmanager
    def _place(self, origin: str) -> Iterator[bool]:
        """Whether there is room for one more call to this origin; the sweep hints again if not."""
        with self._lock:
            had = self._busy.total() < PLACES and self._busy[origin] < PLACES_EACH
            self._busy[origin] += had
        try:
            yield had
        finally:
            with self._lock:
                self._busy[origin] -= had
                if not self._busy[origin]:
                    del self._busy[origin]

    def _tell_one(self, which: ColumnElement[bool]) -> bool:
        """Tell the first of these that is due; whether it was told."""
        with self.database.begin() as session:
            notification = take(session, which)
            if notification is None:
                return False
            if not may_call(session, notification.origin):
                session.rollback()
                return False
            job = session.get_one(Job, notification.job_id)
            owner = get_owner(session, notification.owner_id)
            body = self._body(notification, job, self.views.show(session, job))
        with work_on("notify", job, event=notification.event):
            return self._post(notification, owner, body)

    def _post(self, notification: Notification, owner: Owner, body: bytes) -> bool:
        now = datetime.now(UTC)
        headers = self.secrets.headers(owner, notification.id, now, body)
        try:
            answer = self.poster.post(notification.url, headers, body)
        except NotTold as error:
            return self._ended(notification, None, str(error))
        if answer.taken:
            return self._ended(notification, answer, None)
        return self._ended(notification, answer, f"it answered {answer.status}")

    def _ended(self, notification: Notification, answer: Answer | None, error: str | None) -> bool:
        """Write down how it ended; whether it was told."""
        again = None
        if error is not None and (answer is None or answer.status != GONE):
            again = next_try(notification, answer.retry_after if answer else 0)
        with self.database.begin() as session:
            if answer is not None and answer.status < IN_TROUBLE and answer.status != TOO_MANY:
                listened(session, notification.origin)
            else:
                failed(session, notification.origin)
            status = answer.status if answer else None
            end_try(session, notification, status=status, error=error, next_attempt_at=again)
        outcome = "delivered" if error is None else "given_up" if again is None else "put_off"
        NOTIFICATIONS.labels(outcome).inc()
        about = {"outcome": outcome, "status": status, "tries": notification.tries}
        log.info("notification_tried", **about, **({"error": error} if error else {}))
        return error is None

    def _body(self, notification: Notification, job: Job, shown: dict[str, Any]) -> bytes:
        """What is told: the event and the job as it stands now, or that as a prediction."""
        told = {"type": f"job.{notification.event}", "timestamp": notification.at, "data": shown}
        if job.webhook_format == REPLICATES_FORMAT:
            told = self.views.as_prediction(shown)
            del told["source"]  # Replicate's own webhooks have none
        return orjson.dumps(told, default=str, option=orjson.OPT_UTC_Z)
