"""Archives: the records of an old day made one file, and in time removed."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from fixative.errors import Corrupt, NotFound
from fixative.media.manifest import as_json
from fixative.postgres.engine import Database
from fixative.postgres.tables import Attempt, Job
from fixative.postgres.ticks import tick
from fixative.recovery.record_lines import LARGEST, compressed, line_of, lines_in, record_on
from fixative.recovery.record_store import RecordStore
from fixative.recovery.records import (
    ARCHIVE,
    DAILY,
    archive_of,
    day_of,
    folder_of,
    read_day,
    stem_of,
)
from fixative.recovery.replay_json import parse_json
from fixative.telemetry.alarms import alarm

NAME = "fixative.record_archives"  # the lease under which one process at a time rewrites them
LEASE = timedelta(hours=1)
AT_ONCE, BYTES_AT_ONCE = 500, 2**23  # held while it is asked whether they stay

log = structlog.get_logger(__name__)

Named = tuple[str, bytes]  # a record's name, and its line


@dataclass(frozen=True)
class Archives:
    """What archiving needs: after how many days a day becomes one file, and goes; None: never.

    No archive is written with a job in it that was deleted before. Methods may raise RecordsAway.
    """

    database: Database
    store: RecordStore
    archive_days: int | None
    keep_days: int | None

    def tend(self) -> None:
        """Archive and remove the days whose time has come; safe twice, and beside another."""
        with self._alone() as mine:
            for name in list(self.store.children(DAILY)) if mine else ():
                day = read_day(name)
                if day is not None and _is_over(day, self.keep_days):
                    self.store.delete_folder(folder_of(day))
                    self.store.delete([archive_of(day)])
                elif day is not None and _is_over(day, self.archive_days):
                    self._take_in(day)

    def clean(self, days: set[date]) -> set[date]:
        """Take what was deleted out of the archives of these days; those that are clean now."""
        archived = self._archived_days()
        if not any(day in archived or _is_over(day, self.archive_days) for day in days):
            return days
        with self._alone() as mine:
            if not mine:
                return set()
            archived = self._archived_days()
            return {day for day in days if day not in archived or self._write(day, [])}

    def _alone(self) -> AbstractContextManager[bool]:
        return tick(self.database, NAME, timedelta(0), lease=LEASE)

    def _archived_days(self) -> set[date | None]:
        return {read_day(n) for n in self.store.children(DAILY) if n.endswith(ARCHIVE)}

    def _take_in(self, day: date) -> None:
        """Put what lies in the day's folder into its archive; what is no record stays there."""
        folder = folder_of(day)
        names = (name for name in self.store.names(folder) if name.endswith(".json"))
        first = next(names, None)
        if first is not None:
            taken = list[str]()
            if self._write(day, self._loose(chain([first], names), taken)):
                self.store.delete(taken)
        if next(self.store.names(folder), None) is None:
            self.store.delete_folder(folder)

    def _write(self, day: date, loose: Iterable[Named]) -> bool:
        """Write the archive anew, with these records, without deleted jobs; False: it is torn."""
        records = chain(self._in_archive(day), loose)
        try:
            self.store.write(archive_of(day), compressed(self._staying(records)))
        except Corrupt as error:
            alarm("archive_torn", archive=archive_of(day), error=str(error))
            return False
        return True

    def _in_archive(self, day: date) -> Iterator[Named]:
        with suppress(NotFound):  # it is the first time
            for line in lines_in(self.store.chunks(archive_of(day))):
                yield record_on(line)[0], line

    def _loose(self, names: Iterable[str], taken: list[str]) -> Iterator[Named]:
        """The records of these names, each noted in `taken`."""
        for name in names:
            try:
                record = parse_json(self._whole(name))
            except (Corrupt, NotFound) as error:
                log.warning("not_archived", record=name, error=str(error))
                continue
            inside = name.split("/", 2)[2]
            yield inside, line_of(inside, as_json(record))
            taken.append(name)

    def _whole(self, name: str) -> bytes:
        content = bytearray()
        for piece in self.store.chunks(name):
            content += piece
            if len(content) > LARGEST:
                raise Corrupt(f"larger than {LARGEST // 10**6} MB")
        return bytes(content)

    def _staying(self, records: Iterable[Named]) -> Iterator[bytes]:
        for batch in _batches(records):
            with self.database.begin() as session:
                gone = _deleted(session, {stem_of(name) for name, _ in batch})
            yield from (line for name, line in batch if stem_of(name) not in gone)


def _batches(records: Iterable[Named]) -> Iterator[list[Named]]:
    batch, size = list[Named](), 0
    for name, line in records:
        batch.append((name, line))
        size += len(line)
        if len(batch) >= AT_ONCE or size >= BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _deleted(session: Session, stems: set[str]) -> set[str]:
    """Those of these ids, of jobs or of predictions, that belong to deleted jobs."""
    job_ids = set[uuid.UUID]()
    for stem in stems:
        with suppress(ValueError):  # a prediction's
            job_ids.add(uuid.UUID(stem))
    jobs = select(Job.id).where(Job.id.in_(job_ids), Job.deleted_at.is_not(None))
    predictions = (
        select(Attempt.prediction_id)
        .join(Job, Job.id == Attempt.job_id)
        .where(Attempt.prediction_id.in_(stems), Job.deleted_at.is_not(None))
    )
    return {str(id_) for id_ in (*session.scalars(jobs), *session.scalars(predictions))}


def _is_over(day: date, days: int | None) -> bool:
    return days is not None and day <= day_of(datetime.now(UTC)) - timedelta(days=days)
