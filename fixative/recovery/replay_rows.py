"""Whether the rows of a manifest are such as we write, and of one job only."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Integer,
    Table,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.types import TypeEngine

from fixative.catalog.price import is_price
from fixative.errors import Corrupt, MalformedPrediction, RecordRefused
from fixative.media.manifest import FORMAT, PARTS
from fixative.postgres.tables import CAUSES, JOB_STATUSES, OUTCOMES, Job
from fixative.replicate.prediction import Prediction, read_prediction

LATER = frozenset(("notes",))  # what the first manifests had not
WORDS = {"status": JOB_STATUSES, "outcome": OUTCOMES, "cause": CAUSES}
LISTS = ("warnings", "candidates", "pointers", "webhook_events")


def check_rows(manifest: Mapping[str, Any], job_id: uuid.UUID) -> None:
    """Raise Corrupt for what no row of ours holds, RecordRefused for what belongs elsewhere."""
    if manifest.get("format") != FORMAT:
        raise Corrupt("not a manifest of this format")
    job: dict[str, Any] = manifest.get("job") or {}
    _check_row(Job, job, "job")
    if job["id"] != str(job_id):
        raise RecordRefused("its rows are those of another job")
    for part, mapped in PARTS.items():
        _check_part(mapped, manifest.get(part, [] if part in LATER else None), part, job_id)
    if not all(row["key"].endswith(f"/{job_id}/{row['name']}") for row in manifest["media"]):
        raise RecordRefused("its media lie where those of another job do")
    if not all(f"/{job['owner_id']}/" in row["key"] for row in manifest["files"]):
        raise RecordRefused("its input files are another owner's")


def predictions_of(manifest: Mapping[str, Any]) -> dict[uuid.UUID, Prediction]:
    """The predictions in the manifest, by the attempts that made them. Raises Corrupt."""
    try:
        told = {
            uuid.UUID(row["id"]): read_prediction(row["prediction"])
            for row in manifest["attempts"]
            if row.get("prediction") and row.get("prediction_id")
        }
    except MalformedPrediction as error:
        raise Corrupt(f"no record: fixative.attempts: {error}") from error
    ids = {row["id"]: row.get("prediction_id") for row in manifest["attempts"]}
    if any(prediction.id != ids[str(id_)] for id_, prediction in told.items()):
        raise Corrupt("no record: fixative.attempts: an attempt tells of another prediction")
    return told


def _check_part(mapped: type[Any], rows: Any, part: str, job_id: uuid.UUID) -> None:
    if not isinstance(rows, list):
        raise Corrupt(f"no record: fixative.{part}: must be a list")
    for row in rows:
        _check_row(mapped, row, part)
        if row.keys() != rows[0].keys():
            raise Corrupt(f"no record: fixative.{part}: rows of different kinds")
        if row["job_id"] != str(job_id):
            raise RecordRefused(f"its {part} are another job's")


def _check_row(mapped: type[Any], row: Any, part: str) -> None:
    if not isinstance(row, dict):
        raise Corrupt(f"no record: fixative.{part}: must be an object")
    for column in _columns(mapped.__table__):
        value = row.get(column.name)
        made_here = column.server_default is not None or column.autoincrement is True
        may_lack = column.nullable or (made_here and column.name not in row)
        if not (may_lack if value is None else _fits(column, value)):
            raise Corrupt(f"no record: fixative.{part}.{column.name}: no such value")


@cache
def _columns(table: Table) -> tuple[Column[Any], ...]:
    return tuple(table.columns)  # SQLAlchemy lists them anew each time


def _fits(column: Column[Any], value: Any) -> bool:
    kind = column.type
    if isinstance(kind, JSON):
        fits = isinstance(value, list if column.name in LISTS else dict)
        return fits and (column.name != "price" or is_price(value))
    if isinstance(kind, Integer):
        bits = 63 if isinstance(kind, BigInteger) else 31
        return type(value) is int and abs(value) < 2**bits
    if isinstance(kind, Boolean | Float):
        return type(value) in ((bool,) if isinstance(kind, Boolean) else (int, float))
    return isinstance(value, str) and _fits_text(column.name, kind, value)


def _fits_text(name: str, kind: TypeEngine[Any], value: str) -> bool:
    try:
        if isinstance(kind, Uuid):
            return str(uuid.UUID(value)) == value
        if isinstance(kind, DateTime):
            return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
    return value in WORDS.get(name, (value,)) and "\0" not in value
