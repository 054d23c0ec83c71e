"""A subscriber on this machine, and a notifier that may call it."""

import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import func, select, update

from fixative.access.links import Links
from fixative.hosts import AllowedHosts
from fixative.jobs.store import move
from fixative.media.show import JobViews
from fixative.notify.notifications import find_untold
from fixative.notify.notifier import Notifier
from fixative.notify.post import Poster
from fixative.notify.signing import Secrets
from fixative.postgres.notification_tables import Notification, Subscriber
from fixative.postgres.tables import Owner


class Listener(ThreadingHTTPServer):
    """Keeps what it is told, and answers `status`; or nothing for as long as it hangs."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told = []
        self.status = 200
        self.headers = {}
        self.hanging = threading.Event()
        self.woken = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.hanging.is_set():
            self.server.woken.wait(60)
            return
        self.server.told.append((dict(self.headers), body))
        self.send_response(self.server.status)
        for name, value in {"Content-Length": "0", **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def listen():
    """Start a subscriber."""
    listeners = []

    def start():
        listener = Listener()
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        listeners.append((listener, thread))
        return listener

    yield start
    for listener, thread in listeners:
        listener.woken.set()
        listener.shutdown()
        thread.join()
        listener.server_close()


@pytest.fixture
def listener(listen):
    return listen()


@pytest.fixture
def notifier_for(services, database):
    """Calls these listeners and no others, and waits a second for an answer."""

    def make(*listeners):
        origins = ",".join(listener.url.removesuffix("/hook") for listener in listeners)
        return Notifier(
            database=database,
            poster=Poster(AllowedHosts.read(origins), total_seconds=1.0),
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
            move(session, job_id, "failed", cause="task", error={"code": "rejected"})
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
