"""Rebuild: the database from nothing, out of what was written elsewhere, most trusted first.

Owners, keys and money, then what was deleted, then jobs: from the manifests beside their media,
from records, from Replicate's history. What is there already stays as it is, so it may be run
again, after a kill too, and on a database that has lost only a part or is an older backup: there,
what had not ended gives way to what tells of its end.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.postgres.engine import Database
from fixative.recovery.epoch import EpochGuard
from fixative.recovery.export_access import restore_access
from fixative.recovery.export_money import count_again, restore_money
from fixative.recovery.history import History
from fixative.recovery.rebuild_check import check
from fixative.recovery.rebuild_records import RECORDS, from_records
from fixative.recovery.rebuild_report import Report
from fixative.recovery.rebuild_sources import BUCKET, REPLICATE, from_bucket, from_replicate
from fixative.recovery.rebuild_tombstones import honour_tombstones
from fixative.recovery.standstill import standing_still
from fixative.settings import Settings

Source = Callable[[Database, Report], None]


@dataclass(frozen=True)
class Rebuilder:
    """What rebuilding needs: a migrated `database`, and the same one again, `alone`.

    `database` has AT_ONCE connections and one more, `alone` has one and keeps it.
    """

    database: Database
    alone: Database
    bucket: Bucket
    keys: Keys
    epoch: EpochGuard
    settings: Settings
    history: History

    @property
    def sources(self) -> dict[str, Source]:
        """Where jobs come from, in the order of trust: what an earlier one told stays."""
        return {
            BUCKET: partial(from_bucket, self.bucket, self.keys),
            RECORDS: partial(from_records, self.settings),
            REPLICATE: partial(from_replicate, self.history),
        }

    def rebuild(self, chosen: Collection[str], report: Report) -> None:
        """Bring back all that the chosen sources tell; `report` says what, and what not.

        Afterwards nothing is submitted until `recover` has run. Raises Conflict while workers are
        alive, or another rebuild or recover runs; BucketError, RecordsAway or DatabaseAway: then it
        is to be run again.
        """
        with standing_still(self.database):
            self.epoch.hold()
            restore_access(self.database, self.bucket, self.keys, report)
            restore_money(self.database, self.bucket, self.keys, report)
            honour_tombstones(self.database, self.bucket, self.keys, report)
            for name, bring_back_from in self.sources.items():
                if name in chosen:
                    bring_back_from(self.database, report)
                else:
                    report.not_asked[name] = "not among --from"
            count_again(self.database, datetime.now(UTC).date())
            check(self.alone, self.bucket, self.keys, report)
