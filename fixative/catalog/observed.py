"""What is seen of a model: its schema at Replicate, and how its last jobs went."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from statistics import median
from typing import Any

import orjson
from sqlalchemy import ColumnElement, false, func, select
from sqlalchemy.orm import Session, aliased

from fixative.catalog.entry import Entry
from fixative.catalog.live import LiveModel
from fixative.postgres.tables import Attempt, Job

LAST_JOBS = 20
AMONG = 5_000  # jobs of all models: a check must not read through history
DEEPEST = 4
FILE = re.compile(r"(?:https?|data):")


@dataclass(frozen=True)
class Observed:
    """What a check compares; None: not to be seen now."""

    jobs: int
    schema: str | None  # a digest
    units: list[str] | None  # what the newest job's metrics are counted in
    seconds: float | None  # that a run takes, the median
    shapes: list[str] | None  # of the outputs


def observe(session: Session, entry: Entry, live: LiveModel | None) -> Observed:
    """What is seen of this entry's model now."""
    predictions = _last_predictions(session, entry)
    metrics = [told for p in predictions if isinstance(told := p.get("metrics"), dict)]
    ran = [float(m["predict_time"]) for m in metrics if _is_number(m.get("predict_time"))]
    outputs = [p["output"] for p in predictions if p.get("output") is not None]
    return Observed(
        jobs=len(predictions),
        schema=None if live is None else _digest(live),
        units=_units(metrics[0]) if metrics else None,
        seconds=median(ran) if ran else None,
        shapes=sorted({shape_of(output) for output in outputs}) or None,
    )


def shape_of(output: Any, depth: int = 0) -> str:
    """An output's shape: `[file]` for three files as for one, `{a: text}` for an object."""
    if isinstance(output, str):
        return "file" if FILE.match(output) else "text"
    if isinstance(output, list | dict) and depth == DEEPEST:
        return "…"
    if isinstance(output, list):
        return f"[{' | '.join(sorted({shape_of(item, depth + 1) for item in output}))}]"
    if isinstance(output, dict):
        return f"{{{', '.join(f'{k}: {shape_of(output[k], depth + 1)}' for k in sorted(output))}}}"
    if output is None or isinstance(output, bool):
        return "null" if output is None else "flag"
    return "number"


def _last_predictions(session: Session, entry: Entry) -> list[Mapping[str, Any]]:
    """Of its newest jobs that succeeded, newest first."""
    recent = aliased(Job, select(Job).order_by(Job.id.desc()).limit(AMONG).subquery())
    found = (
        select(Attempt.prediction)
        .join(recent, recent.attempt_id == Attempt.id)
        .where(recent.status == "succeeded", recent.deleted_at.is_(None), _is_of(recent, entry))
        .where(Attempt.prediction.is_not(None))
        .order_by(recent.id.desc())
        .limit(LAST_JOBS)
    )
    return [prediction for prediction in session.scalars(found) if prediction]


def _is_of(job: Any, entry: Entry) -> ColumnElement[bool]:
    if entry.model:
        return job.model == entry.model  # type: ignore[no-any-return]
    if entry.version:
        return func.right(job.version, 64) == entry.version[-64:]
    return job.deployment == entry.deployment if entry.deployment else false()


def _units(metrics: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in metrics if name == "predict_time" or name.endswith("_count"))


def _digest(live: LiveModel) -> str:
    schemas = [live.input_schema, live.output_schema]
    return sha256(orjson.dumps(schemas, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
