"""Replay: records back into the database, each by itself, and as often as anybody likes."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import structlog
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from fixative.errors import Conflict, Corrupt, NotFound, RecordRefused
from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.postgres.engine import Database
from fixative.postgres.tables import Job
from fixative.recovery.record_store import S3, bucket_folder
from fixative.recovery.records import day_of
from fixative.recovery.replay_find import Chosen, Entry, at_path, in_bucket, in_directory
from fixative.recovery.replay_foreign import check_foreign, job_id_of, replay_foreign
from fixative.recovery.replay_gate import Gate
from fixative.recovery.replay_own import check_own, replay_own
from fixative.recovery.replay_record import Record, read_record
from fixative.settings import Settings

CORRUPT, REFUSED = WRONG = ("corrupt", "refused")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of one record.

    `what`: replayed, updated, already there; deleted, failed, unfinished, without a result, another
    day: not replayed, and rightly; corrupt, refused: something is wrong, `detail` says what.
    """

    what: str
    detail: str = ""


@dataclass(frozen=True)
class Replayer:
    """What replaying needs. Nobody is notified or charged by it."""

    database: Database
    bucket: Bucket
    keys: Keys
    settings: Settings

    @cached_property
    def _gate(self) -> Gate:
        return Gate([place for place in self.settings.replay_dirs if not place.startswith(S3)])

    def find(self, place: str, chosen: Chosen) -> Iterator[Entry]:
        """The records at a path or an s3:// address: of a file, an archive, or all below a folder.

        One that cannot be read says so when it is loaded. Raises NotFound, RecordsAway, and
        RecordRefused for what lies outside of ALLOWED_REPLAY_DIRS.
        """
        if place.startswith(S3):
            yield from self._in_bucket(place, chosen)
        elif self._gate.real(Path(place)).is_dir():
            yield from in_directory(Path(place), self._gate, chosen)
        else:
            yield from at_path(Path(place), self._gate, chosen)

    def _in_bucket(self, place: str, chosen: Chosen) -> Iterator[Entry]:
        allowed = [dir_.rstrip("/") for dir_ in self.settings.replay_dirs if dir_.startswith(S3)]
        root = next((d for d in allowed if f"{place}/".startswith(f"{d}/")), None)
        if root is None:
            raise RecordRefused(f"{place}: it lies outside of ALLOWED_REPLAY_DIRS")
        folder = bucket_folder(root, self.settings)
        try:
            yield from in_bucket(folder, place[len(root) :].strip("/"), chosen)
        finally:
            folder.close()

    def replay(self, entry: Entry, chosen: Chosen, *, dry_run: bool = False) -> Outcome:
        """Replay one record; with `dry_run` say what would become of it, and change nothing.

        Raises DatabaseAway, BucketError and RecordsAway: it is then as it was.
        """
        try:
            record = read_record(entry.load())
            if entry.day is None and not chosen.has_day(_day_of(record)):
                return Outcome("another day")
            return self._replay(record, entry.stem, dry_run)
        except Corrupt as error:
            return Outcome(CORRUPT, str(error))
        except (DataError, IntegrityError, ProgrammingError) as error:
            return Outcome(CORRUPT, str(error.orig).partition("\n")[0])
        except (Conflict, NotFound, RecordRefused) as error:
            return Outcome(REFUSED, str(error))

    def replay_one(self, place: str) -> None:
        """Replay what lies at one path or address. Raises Corrupt or RecordRefused, naming it."""
        chosen = Chosen()
        for entry in self.find(place, chosen):
            outcome = self.replay(entry, chosen)
            log.info("record_replayed", record=entry.name, outcome=outcome.what)
            if outcome.what in WRONG:
                wrong = Corrupt if outcome.what == CORRUPT else RecordRefused
                raise wrong(f"{entry.name}: {outcome.detail}")

    def _replay(self, record: Record, stem: str, dry_run: bool) -> Outcome:
        manifest = record.fixative
        why_not = check_foreign(record) if manifest is None else check_own(record, manifest, stem)
        if why_not:
            return Outcome(why_not, "" if record.error is None else str(record.error)[:200])
        if self._was_deleted(job_id_of(record)):
            return Outcome("deleted")
        what = ""
        with suppress(_Undo), self.database.begin() as session:
            what = (
                replay_foreign(session, record)
                if manifest is None
                else replay_own(session, record, manifest)
            )
            if dry_run:
                raise _Undo
        return Outcome(what)

    def _was_deleted(self, job_id: uuid.UUID) -> bool:
        """Whether the bucket knows that a job which the database does not know was deleted."""
        with self.database.begin() as session:
            if session.get(Job, job_id) is not None:
                return False
        return self.bucket.head(self.keys.deleted(Job(id=job_id))) is not None


class _Undo(Exception):
    """Ends a transaction whose changes are not wanted."""


def _day_of(record: Record) -> date | None:
    at = record.completed_at or record.job.created_at
    return at and day_of(at)
