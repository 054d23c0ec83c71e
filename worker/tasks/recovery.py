"""Recovery: what brings back what the database does not know."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from beat_schedule import SYNC_PERIODS
from fixative import names
from fixative.errors import InvalidRequest
from fixative.postgres.ticks import tick as take_tick
from fixative.recovery.history_runs import BEGINNING, Walk
from worker.app import app

TICK_LEASE = timedelta(seconds=15)  # of opening a run, which then has a lease of its own


@app.task(name=names.SYNC_HISTORY)
def sync_history(
    bootstrap: bool = False,
    since: str | None = None,
    until: str | None = None,
    max_predictions: int | None = None,
    *,
    run_id: str | None = None,
    tick: str | None = None,
) -> None:
    """Walk Replicate's history; or go on with a run that is there; or do what beat asks for.

    `since` and `until` are ISO 8601, in UTC where they name no zone. Beat's ticks are `new`, from
    the last complete run on, and `full`, from the beginning.
    """
    history = app.services().history
    if run_id is not None:
        history.go_on(UUID(run_id))
        return
    walk = Walk(bootstrap, _instant("since", since), _instant("until", until), max_predictions)
    if tick is not None:
        if history.is_under_way():
            return  # one walk of beat's at a time: what this one would have seen, the next one will
        every = timedelta(seconds=SYNC_PERIODS[tick])
        name = f"{names.SYNC_HISTORY} {tick}"
        with take_tick(app.services().database, name, every, lease=TICK_LEASE) as taken:
            if not taken:
                return
        walk = Walk(since=BEGINNING if tick == "full" else None)
    history.sync(walk)


def _instant(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest(name, f"not a time: {text}") from error
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
