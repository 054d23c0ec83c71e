"""The summary of a day: what ended on it, in numbers."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session, aliased

from fixative.errors import NotFound
from fixative.media.manifest import as_json
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import Media
from fixative.postgres.tables import Job, Owner
from fixative.recovery.record_store import RecordStore
from fixative.recovery.records import SUMMARY, folder_of

NUMBERS = ("jobs", "seconds", "bytes")
BY = ("status", "model", "owner")


def summary_of(session: Session, day: date) -> dict[str, Any]:
    """The jobs that ended on this UTC day, deleted ones aside: in all, and by what they were.

    `seconds` from being submitted to the end, `bytes` of all stored media. `cost` is of those jobs
    whose cost is known, in US dollars; None when it is of none.
    """
    begin = datetime.combine(day, time(), UTC)
    job = _ended_between(begin, begin + timedelta(days=1))
    took = job.completed_at - func.coalesce(job.submitted_at, job.completed_at)
    model = func.coalesce(job.model, job.deployment, job.version, "unknown")
    groups = (job.status, model, job.owner_id)
    sums = (func.count(), func.sum(func.extract("epoch", took)), func.sum(job.cost))
    ended = select(*groups, *sums).select_from(Owner).join(job, true()).group_by(*groups)
    stored = select(*groups, func.sum(Media.bytes)).select_from(Owner).join(job, true())
    stored = stored.join(Media, Media.job_id == job.id).group_by(*groups)
    total, parts = Counter[str](), {name: defaultdict[str, Counter[str]](Counter) for name in BY}

    def add(group: tuple[Any, ...], number: str, value: Any) -> None:
        total[number] += value
        for name, of in zip(BY, group, strict=True):
            parts[name][str(of)][number] += value

    for *group, jobs, seconds, cost in session.execute(ended):
        add(tuple(group), "jobs", jobs)
        add(tuple(group), "seconds", float(seconds))
        if cost is not None:
            add(tuple(group), "cost", cost)
    for *group, size in session.execute(stored):
        add(tuple(group), "bytes", int(size))
    return {
        "day": day.isoformat(),
        **_numbers(total),
        **{
            f"by_{name}": {key: _numbers(parts[name][key]) for key in sorted(parts[name])}
            for name in BY
        },
    }


def write_summary(database: Database, store: RecordStore, day: date) -> None:
    """Write the day's summary, in the place of an earlier one. Raises RecordsAway."""
    with database.begin() as session:
        summary = summary_of(session, day)
    store.write(_name(day), [as_json(summary)])


def is_summed_up(store: RecordStore, day: date) -> bool:
    """Whether the day has a summary. Raises RecordsAway."""
    try:
        return next(iter(store.chunks(_name(day))), b"") != b""
    except NotFound:
        return False


def _name(day: date) -> str:
    return f"{folder_of(day)}/{SUMMARY}"


def _ended_between(begin: datetime, end: datetime) -> Any:
    """Those jobs, but deleted ones, of each owner in its turn: by the index that knows them.

    The OFFSET keeps the planner from joining them in another way, which might read history.
    """
    within = (Job.completed_at >= begin, Job.completed_at < end, Job.deleted_at.is_(None))
    of_owner = select(Job).where(Job.owner_id == Owner.id, *within).offset(0)
    return aliased(Job, of_owner.correlate(Owner).lateral())


def _numbers(counted: Counter[str]) -> dict[str, Any]:
    return {**{name: round(counted[name], 3) for name in NUMBERS}, "cost": counted.get("cost")}
