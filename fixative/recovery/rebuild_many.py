"""Many jobs brought back: what is there is skipped, each in a transaction of its own, some at once.

Killed at any moment, the next run goes on where this one was.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from fixative.errors import Conflict, Corrupt, NotFound, RecordRefused
from fixative.postgres.engine import Database
from fixative.postgres.tables import Job
from fixative.recovery.rebuild_report import Problem, Report

AT_ONCE = 8  # threads, each with a connection: most of the time goes into waiting
PAGE = 500
HELD_AT_ONCE = 2**23  # bytes of a page, of what has to be in memory before it is asked for

Item = TypeVar("Item")


@dataclass(frozen=True)
class Written:
    """What was written of a job outside the database: under which name, and how it is read.

    `load` may raise Corrupt, RecordRefused and NotFound.
    """

    job_id: uuid.UUID
    name: str
    load: Callable[[], Any]
    held: int = 0  # bytes of it that are in memory already


Bring = Callable[[Session, Written, Any], bool]  # whether anything was new


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

    What cannot be read or does not fit is reported. Takes memory for a page. `database` has AT_ONCE
    connections and one more. Raises BucketError, RecordsAway or DatabaseAway.
    """
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="rebuild") as pool:
        for page in _pages_to_hold(written):
            ids = {each.job_id for each in page}
            with database.begin() as session:
                known = set(session.scalars(select(Job.id).where(Job.id.in_(ids), done)))
            new = [each for each in page if each.job_id not in known]
            outcomes = list(pool.map(partial(_bring_one, database, what, bring), new))
            report.problems += [each for each in outcomes if isinstance(each, Problem)]
            report.brought_back[what] += outcomes.count(True)
            report.there_already[what] += len(page) - len(new) + outcomes.count(False)
            report.say(f"{what}: {report.brought_back[what]:,} brought back")


def pages(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """All items, so many at a time; the last page may be shorter."""
    iterator = iter(items)
    while page := list(islice(iterator, size)):
        yield page


def _pages_to_hold(written: Iterable[Written]) -> Iterator[list[Written]]:
    page, held = list[Written](), 0
    for each in written:
        page.append(each)
        held += each.held
        if len(page) == PAGE or held >= HELD_AT_ONCE:
            yield page
            page, held = [], 0
    if page:
        yield page


def _bring_one(database: Database, what: str, bring: Bring, each: Written) -> bool | Problem:
    try:
        told = each.load()
        with database.begin() as session:
            return bring(session, each, told)
    except Corrupt as error:
        return Problem(f"{what}: unreadable", each.name, str(error))
    except (Conflict, RecordRefused) as error:
        return Problem(f"{what}: refused", each.name, str(error))
    except NotFound:
        return Problem(f"{what}: unreadable", each.name, "it went while it was read")
