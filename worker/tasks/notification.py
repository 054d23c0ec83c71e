"""Notification: owners' own services told what became of their jobs."""

from uuid import UUID

from fixative import names
from worker.app import app


@app.task(name=names.NOTIFY_SUBSCRIBER)
def notify_subscriber(notification_id: str) -> None:
    """Tell a subscriber of one event, if it is due, and what else is due at its origin."""
    app.services().notifier.tell(UUID(notification_id))
