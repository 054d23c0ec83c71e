"""The epoch: the age of this database, which its bucket knows too.

It is raised every few seconds while workers run, in the database first, then in the bucket. A
database behind its bucket was restored, or made anew: predictions that it knows nothing of may
have been paid for. Nothing is submitted then until `recover` has looked.
"""

import io
import json
import threading
import time
from datetime import timedelta

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from fixative.errors import BucketError, NotFound
from fixative.jobs.pauses import RESTORED
from fixative.media.bucket import Bucket
from fixative.postgres.engine import Database
from fixative.postgres.operation_tables import Epoch, Pause
from fixative.telemetry.alarms import alarm

RAISE_EVERY = timedelta(seconds=10)
ASK_AGAIN_SECONDS = 5.0

log = structlog.get_logger(__name__)


class EpochGuard:
    """Compares the two, and lets nobody submit while the database may be an old one.

    Safe to use from many threads. `key` is the object that holds the bucket's number.
    """

    def __init__(self, database: Database, bucket: Bucket, key: str) -> None:
        self._database = database
        self._bucket = bucket
        self._key = key
        self._seen: int | None = None  # the highest number that this process compared well
        self._comparing = threading.Lock()
        self._not_before = 0.0

    def may_submit(self, number: int | None) -> bool:
        """Whether a database of this epoch may submit: not before the first comparison.

        A number lower than one already seen means that it was restored under our feet.
        """
        if self._seen is not None and (number or 0) >= self._seen:
            return True
        with self._comparing:
            if time.monotonic() < self._not_before:
                return False
            try:
                return self.compare()
            except BucketError as error:
                self._not_before = time.monotonic() + ASK_AGAIN_SECONDS
                log.warning("epoch_not_compared", error=str(error))
                return False

    def compare(self) -> bool:
        """Compare, and raise both if it is time; False: the database is behind, and is held.

        Raises DatabaseAway or BucketError.
        """
        # The bucket first: whoever raises both meanwhile raises the database's before it.
        known = self._in_bucket()
        number = self._in_database()
        if number < known:
            self.hold()
            self._seen = known
            return False
        self._seen = max(self._seen or 0, number)
        self._raise(RAISE_EVERY)
        return True

    def raise_now(self) -> None:
        """Leave both at a number of this moment, for the end of a process. Raises as `compare`."""
        if self.compare():
            self._raise(timedelta(0))

    def hold(self) -> None:
        """Let nothing be submitted, by any process, until `put_ahead`."""
        with self._database.begin() as session:
            held = insert(Pause).values(scope=RESTORED).on_conflict_do_nothing()
            news = session.scalar(held.returning(Pause.scope))
        if news is not None:
            alarm("database_restored", then="run `fixative recover`: nothing is submitted before")

    def put_ahead(self) -> int:
        """Put the database ahead of its bucket, then the bucket beside it, and lift the hold."""
        ahead = self._in_bucket() + 1
        with self._database.begin() as session:
            row = insert(Epoch).values(id=1, number=ahead)
            higher = {"number": func.greatest(Epoch.number + 1, ahead), "raised_at": func.now()}
            raised = row.on_conflict_do_update(index_elements=["id"], set_=higher)
            number = session.scalars(raised.returning(Epoch.number)).one()
        self._put(number)
        with self._database.begin() as session:
            session.execute(delete(Pause).where(Pause.scope == RESTORED))
        return number

    def _raise(self, every: timedelta) -> None:
        """Raise both, unless somebody did less than `every` ago."""
        with self._database.begin() as session:
            session.execute(insert(Epoch).values(id=1, number=0).on_conflict_do_nothing())
            number = session.scalar(
                update(Epoch)
                .where((Epoch.raised_at <= func.now() - every) | (Epoch.number == 0))
                .values(number=Epoch.number + 1, raised_at=func.now())
                .returning(Epoch.number)
            )
        if number is not None:
            self._put(number)
            self._seen = number

    def _in_database(self) -> int:
        with self._database.begin() as session:
            return session.scalar(select(Epoch.number)) or 0

    def _in_bucket(self) -> int:
        try:
            return int(json.loads(self._bucket.read(self._key))["epoch"])
        except NotFound:
            return 0

    def _put(self, number: int) -> None:
        content = json.dumps({"epoch": number}).encode()
        self._bucket.put(self._key, io.BytesIO(content), "application/json")
