"""Drift: what of the registry's models is no longer as it was said to be."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fixative.catalog.catalog import Catalog
from fixative.catalog.entry import Entry
from fixative.catalog.live import LiveModel
from fixative.catalog.observed import Observed, observe
from fixative.errors import NotFound
from fixative.postgres.engine import Database
from fixative.postgres.model_tables import ModelState
from fixative.telemetry.alarms import alarm

FACTOR = 2.0  # a run that takes so much longer or shorter is another one
LEAST_SECONDS = 1.0  # less than that is no difference
NEEDED = {
    "per_second": "predict_time",
    "per_input_token": "input_token_count",
    "per_output_token": "output_token_count",
}
COMPARED = ("schema", "units", "seconds", "shapes")

Difference = dict[str, str]  # what, detail


@dataclass(frozen=True)
class Drift:
    """What was found of one model of the registry."""

    model: str
    differences: list[Difference]
    jobs: int
    since: datetime


def check_models(database: Database, catalog: Catalog, *, accept: bool = False) -> list[Drift]:
    """Look at every model of the registry, and keep what was found.

    What is seen of a model for the first time is taken to be right; with `accept`, all that is
    seen now. What is new is alarmed, once.
    """
    answers, found = True, []
    for entry in catalog.registry.entries():
        live, missing = None, False
        if answers and entry.live_name:
            try:
                live = catalog.live.find(*entry.live_name, anew=True)
                answers = live is not None  # who does not answer is not asked for each of them
            except NotFound:
                missing = True
        with database.begin() as session:
            found.append(_check(session, entry, live, missing=missing, accept=accept))
    return found


def drifted(session: Session) -> list[tuple[str, str]]:
    """Each model that differed when it was last looked at, and in what."""
    states = differences_of_each(session).items()
    return sorted({(model, each["what"]) for model, differences in states for each in differences})


def differences_of_each(session: Session) -> dict[str, list[Difference]]:
    """By the model's name in the registry, what it differed in when it was last looked at."""
    states = session.execute(select(ModelState.model, ModelState.differences))
    return {model: differences for model, differences in states}  # noqa: C416 - says what is what


def _check(
    session: Session, entry: Entry, live: LiveModel | None, *, missing: bool, accept: bool
) -> Drift:
    seen = observe(session, entry, live)
    now = {name: asdict(seen)[name] for name in COMPARED}
    before = session.get(ModelState, entry.id)
    kept = {} if before is None else before.accepted
    # What was not to be seen yet is taken up when it is; what is not to be seen now stays.
    first, second = (now, kept) if accept else (kept, now)
    right = {n: second.get(n) if first.get(n) is None else first[n] for n in COMPARED}
    differences = [*_against_itself(entry, live, seen), *_against(right, entry, seen)]
    if missing:
        differences.append(_difference("schema", "Replicate knows no such model any more"))
    for each in differences:
        if before is None or each["what"] not in {d["what"] for d in before.differences}:
            alarm("model_drifted", model=entry.id, differs=each["what"], detail=each["detail"])
    accepted_at = func.now() if accept or before is None else ModelState.accepted_at
    values = {"accepted": right, "differences": differences, "checked_at": func.now()}
    since = session.scalars(
        insert(ModelState)
        .values(model=entry.id, **values)
        .on_conflict_do_update(
            index_elements=[ModelState.model], set_={**values, "accepted_at": accepted_at}
        )
        .returning(ModelState.accepted_at)
    ).one()
    return Drift(entry.id, differences, seen.jobs, since)


def _against_itself(entry: Entry, live: LiveModel | None, seen: Observed) -> Iterator[Difference]:
    """Where the entry says what cannot be, by what is seen."""
    if live is not None and live.check is not None:
        for misfit in live.check.misfits(entry.defaults):
            if misfit.type != "missing":
                yield _difference("schema", f"defaults: {misfit.loc[-1]} {misfit.msg}")
        takes = live.input_schema.get("properties") or {}
        for name in sorted({*(entry.parameters or ()), *entry.defaults} - takes.keys()):
            yield _difference("schema", f"the model takes no {name}")
    for price, unit in NEEDED.items():
        priced = entry.price is not None and getattr(entry.price, price) is not None
        if priced and seen.units is not None and unit not in seen.units:
            yield _difference("price", f"{price} needs {unit}, which no job tells any more")
    expected = entry.estimated_seconds
    if expected is not None and seen.seconds is not None and _is_other(expected, seen.seconds):
        yield _difference("time", f"{seen.seconds:.1f} s, not {expected:g} as the registry says")


def _against(right: dict[str, Any], entry: Entry, seen: Observed) -> Iterator[Difference]:
    """Where what is seen is not what was accepted."""
    if seen.schema is not None and seen.schema != right["schema"]:
        yield _difference("schema", "the model's schema at Replicate is another")
    if seen.units is not None and seen.units != right["units"]:
        told, was = ", ".join(seen.units), ", ".join(right["units"])
        yield _difference("price", f"its metrics count {told or 'nothing'}, not {was or 'nothing'}")
    took = seen.seconds if entry.estimated_seconds is None else None
    if took is not None and _is_other(right["seconds"], took):
        yield _difference("time", f"{took:.1f} s, not {right['seconds']:.1f}")
    new = [shape for shape in seen.shapes or [] if shape not in right["shapes"]]
    if new:
        yield _difference("output", f"{'; '.join(new)}, not {'; '.join(right['shapes'])}")


def _is_other(expected: float, seen: float) -> bool:
    near = abs(seen - expected) < LEAST_SECONDS
    return not near and not expected / FACTOR <= seen <= expected * FACTOR


def _difference(what: str, detail: str) -> Difference:
    return {"what": what, "detail": detail}
