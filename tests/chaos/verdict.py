"""The verdict: what every job came to, asked from outside once the storm is over."""

import json
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.chaos.load import Load
from tests.chaos.system import ChaosSystem

UNSETTLED = """
    SELECT count(*) FROM jobs
    WHERE status NOT IN ('succeeded', 'failed', 'canceled')
        AND waiting_reason IS DISTINCT FROM 'needs_review'
"""
LEASED_FOR_NOTHING = """
    SELECT count(*) FROM jobs
    WHERE lease_until > now()
        AND derive_due_at IS NULL AND record_due_at IS NULL AND purge_due_at IS NULL
"""
MONEY = """
    SELECT coalesce(sum(reserved), 0), coalesce(sum(spent), 0),
        (SELECT coalesce(sum(cost), 0) FROM jobs),
        (SELECT coalesce(sum(amount), 0) FROM spend_days),
        (SELECT coalesce(sum(max_cost), 0) FROM jobs
            WHERE status NOT IN ('succeeded', 'failed', 'canceled'))
    FROM ledger
"""
BALANCES = "SELECT period, reserved, spent FROM balances"
A_CENT_OF_A_CENT = Decimal("0.0001")  # the local Replicate rounds its bill to a hundredth of it
CHANGED = """
    SELECT job_id, from_status, to_status FROM transitions
    WHERE from_status IN ('succeeded', 'failed', 'canceled')
"""


@dataclass
class Verdict:
    """Every figure of a run; what stands in `violations` must not be."""

    jobs: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    failed_by_code: Counter[str] = field(default_factory=Counter)
    needs_review: list[str] = field(default_factory=list)
    creates: Counter[int] = field(default_factory=Counter)  # how many jobs were created so often
    attempts: Counter[str] = field(default_factory=Counter)  # by outcome
    objects: int = 0
    webhooks: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)  # creates, by answer
    mayhem: dict[str, int] = field(default_factory=dict)
    dead_letters: Counter[str] = field(default_factory=Counter)
    submits_asked_again: int = 0
    slowest_answer_seconds: float = 0.0
    drained_after_seconds: float = 0.0
    seconds: float = 0.0
    lost: int = 0
    paid_twice: int = 0
    wrong_bytes: int = 0
    spent: str = "0"  # US dollars
    violations: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        """All of it."""
        return json.dumps(vars(self), indent=2)


def wait_until_drained(system: ChaosSystem, patience: float) -> float:
    """Come back when every job has ended or needs a person; the seconds that took."""
    began = time.monotonic()
    while system.sql(UNSETTLED) != [(0,)]:
        if time.monotonic() - began > patience:
            break  # the verdict says which
        time.sleep(1)
    return time.monotonic() - began


def judge(system: ChaosSystem, load: Load, earlier: Collection[str] = ()) -> Verdict:
    """Look at every accepted job, its predictions and its objects, and for any that are none's.

    `earlier` are the jobs of loads before this one.
    """
    found = Verdict(jobs=len(load.accepted))
    found.slowest_answer_seconds = round(load.slowest, 2)
    found.submits_asked_again = load.refused
    stats = system.stats()
    found.webhooks = stats["webhooks"]
    found.requests = {
        route: n for route, n in stats["requests"].items() if route.endswith(_CREATE_ANSWERS)
    }
    rows = {str(row[0]): row[1:] for row in system.sql(_JOBS)}
    for job_id in load.accepted:
        if job_id not in rows:
            found.lost += 1
            found.violations.append(f"{job_id}: accepted, and not there")
            continue
        _judge_job(found, job_id, rows[job_id], stats["creates"]["by_job"].get(job_id, 0))
    _judge_others(found, {*load.accepted, *earlier}, rows, stats["creates"])
    _judge_media(system, found, {id_: rows[id_] for id_ in load.accepted if id_ in rows})
    _judge_rows(system, found)
    _judge_money(system, found, stats["bill"]["dollars"])
    return found


_CREATE_ANSWERS = tuple(f"predictions {status}" for status in (201, 402, 429, 500, "cut"))
_JOBS = """
    SELECT jobs.id, status, waiting_reason, jobs.error->>'code', cancel_requested_at IS NOT NULL,
        prediction_id
    FROM jobs LEFT JOIN attempts ON attempts.id = jobs.attempt_id
"""


def _judge_job(found: Verdict, job_id: str, row: tuple[Any, ...], creates: int) -> None:
    status, waiting, code, canceled, _ = row
    found.statuses[status] += 1
    found.creates[creates] += 1
    if creates > 1:
        found.paid_twice += 1
        found.violations.append(f"{job_id}: created {creates} times")
    if status == "failed":
        found.failed_by_code[code] += 1
        found.lost += 1
        found.violations.append(f"{job_id}: failed, {code}")
    elif status == "canceled" and not canceled:
        found.violations.append(f"{job_id}: canceled, and nobody asked for it")
    elif status not in {"succeeded", "canceled"}:
        if waiting == "needs_review":
            found.needs_review.append(job_id)
        else:
            found.lost += 1
            found.violations.append(f"{job_id}: still {status}, waiting for {waiting}")
    if creates == 0 and status != "canceled":
        found.violations.append(f"{job_id}: {status} without having been created")


def _judge_others(
    found: Verdict, accepted: set[str], rows: dict[str, tuple[Any, ...]], creates: dict[str, Any]
) -> None:
    """Every client asked until it was answered: no job, and no create, may be nobody's."""
    for job_id in rows.keys() - accepted:
        found.violations.append(f"{job_id}: a job that nobody was told of")
    for job_id, n in creates["by_job"].items():
        if job_id not in accepted:
            found.paid_twice += n
            found.violations.append(f"{job_id}: created {n} times for nobody")
    nameless = creates["total"] - sum(creates["by_job"].values())
    if nameless:
        found.paid_twice += nameless
        found.violations.append(f"{nameless} creates that name no job")


def _judge_media(system: ChaosSystem, found: Verdict, rows: dict[str, tuple[Any, ...]]) -> None:
    media: dict[str, list[tuple[str, str]]] = {}
    for job_id, key, sha in system.sql(
        "SELECT job_id, key, sha256 FROM media WHERE role = 'original' ORDER BY job_id, index"
    ):
        media.setdefault(str(job_id), []).append((key, sha))
    for job_id, (status, _, _, _, prediction_id) in rows.items():
        if status != "succeeded":
            continue
        stored = media.get(job_id, [])
        expected = system.expected(prediction_id)
        in_bucket = [system.object_sha256(key) for key, _ in stored]
        found.objects += len(stored)
        if not expected == [sha for _, sha in stored] == in_bucket:
            found.wrong_bytes += 1
            found.violations.append(f"{job_id}: stored {stored}, expected {expected}")


def _judge_money(system: ChaosSystem, found: Verdict, bill: float) -> None:
    """What was spent is Replicate's bill; nothing is held for what has ended."""
    [(held, spent, costs, days, may_cost)] = system.sql(MONEY)
    found.spent = str(spent)
    if held != may_cost:
        found.violations.append(f"the ledger holds {held}, and what goes on may cost {may_cost}")
    if not found.needs_review and abs(spent - Decimal(str(bill))) > A_CENT_OF_A_CENT:
        found.violations.append(f"the ledger spent {spent}, the bill is {bill}")
    if not costs == spent == days - may_cost:
        found.violations.append(f"spent {spent}, by jobs {costs}, by days {days} with {may_cost}")
    for period, reserved, spent_of_it in system.sql(BALANCES):
        if (reserved, spent_of_it) != (held, spent):
            found.violations.append(f"the {period}'s budget: {reserved} held, {spent_of_it} spent")


def _judge_rows(system: ChaosSystem, found: Verdict) -> None:
    for job_id, before, after in system.sql(CHANGED):
        found.violations.append(f"{job_id}: moved from {before} to {after}")
    for outcome, n in system.sql("SELECT outcome, count(*) FROM attempts GROUP BY 1"):
        found.attempts[outcome] = n
    if found.attempts["duplicate"]:
        found.violations.append(f"{found.attempts['duplicate']} attempts were duplicates")
    for job_id, n in system.sql(
        "SELECT job_id, count(*) FROM attempts WHERE outcome = 'created' GROUP BY 1"
        " HAVING count(*) > 1"
    ):
        found.violations.append(f"{job_id}: {n} attempts were created")
    [(leased,)] = system.sql(LEASED_FOR_NOTHING)
    if leased:
        found.violations.append(f"{leased} rows are leased though nothing is left to do")
    for task, error, message, n in system.sql(
        "SELECT task, error_class, message, count(*) FROM dead_letters GROUP BY 1, 2, 3"
    ):
        found.dead_letters[f"{task} {error}: {message[:100]}"] = n
        found.violations.append(f"{n} dead letters: {task} {error}: {message[:200]}")
