"""A subscriber on this machine, and a notifier that may call it."""

import uuid
from contextlib import ExitStack

import pytest
from sqlalchemy import func, select, update

from fixative.access.links import Links
from fixative.hosts import AllowedHosts
from fixative.jobs.store import error_of, move
from fixative.media.show import JobViews
from fixative.notify.notifications import find_untold
from fixative.notify.notifier import Notifier
from fixative.notify.post import Poster
from fixative.notify.signing import Secrets
from fixative.postgres.notification_tables import Notification, Subscriber
from fixative.postgres.tables import Owner
from tests.listening import listening


@pytest.fixture
def listen():
    """Start a subscriber."""
    with ExitStack() as started:
        yield lambda: started.enter_context(listening())


@pytest.fixture
def listener(listen):
    return listen()


@pytest.fixture
def notifier_for(services, database):
    """Calls these listeners and no others, and waits so many seconds for an answer."""

    def make(*listeners, seconds=20.0):
        origins = ",".join(listener.origin for listener in listeners)
        return Notifier(
            database=database,
            poster=Poster(AllowedHosts.read(origins), total_seconds=seconds),
            secrets=Secrets.of(services.settings),
            views=JobViews(
                services.settings, Links.of(services.settings), lambda: "https://f.test"
            ),
            stopping=services.stopping,
        )

    return make


@pytest.fixture
def secret(services, database, owner_id):
    """The owner's newest secret."""

    def read():
        with database.begin() as session:
            return Secrets.of(services.settings).of_owner(session.get_one(Owner, owner_id))

    return read


@pytest.fixture
def ended(database, submit):
    """A job that somebody is to be told of, and that failed."""

    def make(url, *events):
        job_id = submit(webhook=url, webhook_events=list(events) or None)
        with database.begin() as session:
            move(session, job_id, "submitting", cause="task")
            move(session, job_id, "failed", cause="task", error=error_of("rejected", "so it goes"))
        return job_id

    return make


@pytest.fixture
def sweep(database):
    """Tell everything that is due."""

    def run(notifier):
        hints = find_untold(database, {})
        for hint in hints:
            notifier.tell(uuid.UUID(hint.arguments["notification_id"]))
        return len(hints)

    return run


@pytest.fixture
def notifications(database):
    """Every notification, in the order of their events."""

    def read():
        with database.begin() as session:
            return list(session.scalars(select(Notification).order_by(Notification.at)))

    return read


@pytest.fixture
def time_passes(database):
    """Whatever waits for its time has waited long enough."""

    def pass_():
        with database.begin() as session:
            waits = Notification.next_attempt_at.is_not(None)
            session.execute(update(Notification).where(waits).values(next_attempt_at=func.now()))
            session.execute(update(Subscriber).values(closed_until=func.now()))

    return pass_
