"""Rebuild: the database from nothing, out of what was written elsewhere, most trusted first.

Owners and keys, then what was deleted, then jobs: from the manifests beside their media, from
records, from Replicate's history. What is there already stays as it is, so it may be run again,
after a kill too, and on a database that has lost only a part or is an older backup: there, what
had not ended gives way to what tells of its end.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fixative.errors import Conflict
from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.postgres.engine import Database
from fixative.postgres.presence import live
from fixative.recovery.epoch import EpochGuard
from fixative.recovery.export_access import restore_access
from fixative.recovery.history import History
from fixative.recovery.rebuild_check import check
from fixative.recovery.rebuild_report import Report
from fixative.recovery.rebuild_sources import (
    BUCKET,
    RECORDS,
    REPLICATE,
    Source,
    from_bucket,
    from_records,
    from_replicate,
)
from fixative.recovery.rebuild_tombstones import honour_tombstones


@dataclass(frozen=True)
class Rebuilder:
    """What rebuilding needs: a migrated `database`, and the same one again, `alone`.

    `database` has AT_ONCE connections and one more, `alone` has one.
    """

    database: Database
    alone: Database
    bucket: Bucket
    keys: Keys
    epoch: EpochGuard
    records: Path
    history: History

    @property
    def sources(self) -> tuple[tuple[str, Source], ...]:
        """Where jobs come from, by name, in the order of trust."""
        return (
            (BUCKET, partial(from_bucket, self.bucket, self.keys)),
            (RECORDS, partial(from_records, self.records)),
            (REPLICATE, partial(from_replicate, self.history)),
        )

    def rebuild(self, chosen: Collection[str], report: Report) -> None:
        """Bring back all that the chosen sources tell; `report` says what, and what not.

        Afterwards nothing is submitted until `recover` has run. Raises Conflict while workers are
        alive; BucketError or DatabaseAway: then it is to be run again.
        """
        with self.database.begin() as session:
            if alive := live(session):
                raise Conflict(f"workers are running: stop {', '.join(alive)} first")
        self.epoch.hold()
        restore_access(self.database, self.bucket, self.keys, report)
        honour_tombstones(self.database, self.bucket, self.keys, report)
        for name, bring_back_from in self.sources:
            if name in chosen:
                bring_back_from(self.database, report)
            else:
                report.not_asked[name] = "not among --from"
        check(self.alone, self.bucket, self.keys, report)
