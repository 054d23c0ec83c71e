"""Many jobs brought back: what is there is skipped, each in a transaction of its own, some at once.

Killed at any moment, the next run goes on where this one was.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from fixative.errors import Conflict, Corrupt, NotFound
from fixative.postgres.engine import Database
from fixative.postgres.tables import Job
from fixative.recovery.rebuild_report import Problem, Report

AT_ONCE = 8  # threads, each with a connection: most of the time goes into waiting
PAGE = 500

Item = TypeVar("Item")


@dataclass(frozen=True)
class Written:
    """What was written of a job outside the database: under which name, and how it is read."""

    job_id: uuid.UUID
    name: str
    read: Callable[[], bytes]


Bring = Callable[[Session, Written, bytes], bool]  # whether anything was new


def bring_back(
    database: Database,
    report: Report,
    what: str,
    written: Iterable[Written],
    bring: Bring,
    *,
    done: ColumnElement[bool],
) -> None:
    """Bring back what was written, unless a job of the same id is there and `done` holds of it.

    Of a job that was written of twice the first counts. What cannot be read or does not fit is
    reported. `database` has AT_ONCE connections and one more. Raises BucketError or DatabaseAway.
    """
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="rebuild") as pool:
        for page in pages(written, PAGE):
            first = {each.job_id: each for each in reversed(page)}
            with database.begin() as session:
                known = set(session.scalars(select(Job.id).where(Job.id.in_(first), done)))
            new = [each for id_, each in first.items() if id_ not in known]
            outcomes = list(pool.map(partial(_bring_one, database, what, bring), new))
            report.problems += [each for each in outcomes if isinstance(each, Problem)]
            report.brought_back[what] += outcomes.count(True)
            report.there_already += len(known) + outcomes.count(False)
            report.say(f"{what}: {report.brought_back[what]:,} brought back")


def pages(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """All items, so many at a time; the last page may be shorter."""
    iterator = iter(items)
    while page := list(islice(iterator, size)):
        yield page


def _bring_one(database: Database, what: str, bring: Bring, each: Written) -> bool | Problem:
    try:
        content = each.read()
        with database.begin() as session:
            return bring(session, each, content)
    except Corrupt as error:
        return Problem(f"{what}: unreadable", each.name, str(error))
    except Conflict as error:
        return Problem(f"{what}: refused", each.name, str(error))
    except NotFound:
        return Problem(f"{what}: unreadable", each.name, "it went while it was read")
