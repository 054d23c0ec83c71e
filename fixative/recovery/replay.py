"""Replay: records back into the database, as often as anybody likes."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

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
from fixative.recovery.replay_json import parse_json
from fixative.recovery.replay_own import Own, read_own, replay_own
from fixative.recovery.replay_page import replay_page
from fixative.recovery.replay_record import Record, read_record
from fixative.recovery.replay_tombstones import Tombstones
from fixative.settings import Settings

CORRUPT, REFUSED = WRONG = ("corrupt", "refused")
AT_ONCE, BYTES_AT_ONCE = 200, 2**23  # of a page, which is held until it is settled
NOT_TOGETHER = (DataError, IntegrityError, ProgrammingError)  # what a database says of such rows

T = TypeVar("T")

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

    def replay_all(
        self, entries: Iterable[Entry], chosen: Chosen, *, dry_run: bool = False
    ) -> Iterator[tuple[Entry, Outcome]]:
        """Replay records; each with what became of it, as soon as that is known.

        Ours a page at a time, in one transaction where nothing about them is doubtful; all others
        each in its own. With `dry_run` say what would become of them, and change nothing.

        Raises DatabaseAway, BucketError and RecordsAway: what has no answer yet is as it was.
        """
        tombstones = Tombstones(self.bucket, self.keys)
        page, size = dict[uuid.UUID, tuple[Entry, Own]](), 0
        for entry in entries:
            read = _outcome_of(partial(_read, entry, chosen))
            if isinstance(read, Outcome):
                yield entry, read
                continue
            if isinstance(read, Record):
                yield entry, self._replay_foreign(read, tombstones, dry_run)
                continue
            if len(page) == AT_ONCE or size + read.size > BYTES_AT_ONCE or read.job_id in page:
                yield from self._replay_page(page, tombstones, dry_run)
                page, size = {}, 0
            page[read.job_id] = entry, read
            size += read.size
        if page:
            yield from self._replay_page(page, tombstones, dry_run)

    def replay_one(self, place: str) -> None:
        """Replay what lies at one path or address.

        Raises Corrupt or RecordRefused, naming the first that was so, when all others are replayed.
        """
        chosen, wrong = Chosen(), list[tuple[Entry, Outcome]]()
        for entry, outcome in self.replay_all(self.find(place, chosen), chosen):
            log.info("record_replayed", record=entry.name, outcome=outcome.what)
            if outcome.what in WRONG and not wrong:
                wrong.append((entry, outcome))
        for entry, outcome in wrong:
            kind = Corrupt if outcome.what == CORRUPT else RecordRefused
            raise kind(f"{entry.name}: {outcome.detail}")

    def _replay_page(
        self, page: Mapping[uuid.UUID, tuple[Entry, Own]], tombstones: Tombstones, dry_run: bool
    ) -> Iterator[tuple[Entry, Outcome]]:
        words = dict.fromkeys(tombstones.among(self._unknown(set(page))), "deleted")
        left = {job_id: own for job_id, (_, own) in page.items() if job_id not in words}
        told = dict[uuid.UUID, str]()
        with suppress(Conflict, Corrupt):
            with self._transaction(dry_run) as session:
                told = replay_page(session, left)
            words |= told
        for job_id, (entry, own) in page.items():
            if job_id in words:
                yield entry, Outcome(words[job_id])
            else:
                yield entry, self._in_its_own(dry_run, replay_own, own)

    def _replay_foreign(self, record: Record, tombstones: Tombstones, dry_run: bool) -> Outcome:
        if tombstones.among(self._unknown({job_id_of(record)})):
            return Outcome("deleted")
        return self._in_its_own(dry_run, replay_foreign, record)

    def _in_its_own(self, dry_run: bool, replay: Callable[[Session, T], str], what: T) -> Outcome:
        def in_a_transaction() -> Outcome:
            word = ""
            with self._transaction(dry_run) as session:
                word = replay(session, what)
            return Outcome(word)

        return _outcome_of(in_a_transaction)

    def _unknown(self, job_ids: set[uuid.UUID]) -> set[uuid.UUID]:
        """Those of these jobs that the database does not know, not even as deleted."""
        with self.database.begin() as session:
            return job_ids - set(session.scalars(select(Job.id).where(Job.id.in_(job_ids))))

    @contextmanager
    def _transaction(self, dry_run: bool) -> Iterator[Session]:
        """A transaction, which is undone where nothing is to be changed."""
        with suppress(_Undo), self.database.begin() as session:
            yield session
            if dry_run:
                raise _Undo


class _Undo(Exception):
    """Ends a transaction whose changes are not wanted."""


def _read(entry: Entry, chosen: Chosen) -> Own | Record | Outcome:
    """What there is to replay: of ours, or of another system; or why there is nothing."""
    raw = entry.read()
    record = read_record(parse_json(raw))
    if entry.day is None and not chosen.has_day(_day_of(record)):
        return Outcome("another day")
    manifest = record.fixative
    if manifest is None:
        told: Own | Record | str = check_foreign(record) or record
    else:
        told = read_own(record, manifest, entry.stem, len(raw))
    if isinstance(told, str):
        return Outcome(told, "" if record.error is None else str(record.error)[:200])
    return told


def _outcome_of(work: Callable[[], T]) -> T | Outcome:
    """What the work answers; or, where the record is what is wrong, that it is."""
    try:
        return work()
    except Corrupt as error:
        return Outcome(CORRUPT, str(error))
    except NOT_TOGETHER as error:
        return Outcome(CORRUPT, str(error.orig).partition("\n")[0])
    except (Conflict, NotFound, RecordRefused) as error:
        return Outcome(REFUSED, str(error))


def _day_of(record: Record) -> date | None:
    at = record.completed_at or record.job.created_at
    return at and day_of(at)
