"""Runs of history sync that are long over go, with what is written of each prediction in them."""

from datetime import timedelta

from sqlalchemy import delete, exists, func, select

from fixative.postgres.engine import Database
from fixative.postgres.sync_tables import SyncResult, SyncRun
from fixative.recovery.history_runs import last_complete

KEPT = timedelta(days=30)  # after its end
AT_ONCE = 10_000


def prune_runs(database: Database, *, at_once: int = AT_ONCE) -> None:
    """Remove the runs that ended 30 days ago, of their results at most so many in a call.

    The one that the next regular run walks back to stays, however old. Safe beside another.
    """
    with database.begin() as session:
        last = last_complete(session)
        over = select(SyncRun.id).where(SyncRun.finished_at < func.now() - KEPT)
        ids = set(session.scalars(over)) - {last.id if last else None}
        some = select(SyncResult.id).where(SyncResult.run_id.in_(ids)).limit(at_once)
        some = some.with_for_update(skip_locked=True)
        session.execute(delete(SyncResult).where(SyncResult.id.in_(some.scalar_subquery())))
        emptied = ~exists().where(SyncResult.run_id == SyncRun.id)
        session.execute(delete(SyncRun).where(SyncRun.id.in_(ids), emptied))
