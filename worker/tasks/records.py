"""Records: what is written of jobs outside the database, and read back."""

from datetime import UTC, date, datetime, timedelta

from beat_schedule import PERIODS
from fixative import names
from fixative.postgres.ticks import tick
from fixative.recovery import record_summary
from worker.app import app

QUICK = timedelta(seconds=60)  # leases of ticks: one that was killed is missed for so long
SLOW = timedelta(hours=1)


@app.task(name=names.RECORD_ACCEPTED)
def record_accepted() -> None:
    """Write down the acceptances that are not yet, the oldest first."""
    services = app.services()
    period = timedelta(seconds=PERIODS[names.RECORD_ACCEPTED])
    with tick(services.database, names.RECORD_ACCEPTED, period, lease=QUICK) as taken:
        while taken and services.records.record_accepted():
            if services.stopping.is_set():
                return


@app.task(name=names.WRITE_SUMMARY)
def write_summary(day: str | None = None) -> None:
    """Sum up a UTC day (YYYY-MM-DD).

    Without one, the tick's work: sum up yesterday, once, then archive and remove old days.
    """
    services = app.services()
    if day is not None:
        record_summary.write_summary(services.database, services.store, date.fromisoformat(day))
        return
    period = timedelta(seconds=PERIODS[names.WRITE_SUMMARY])
    with tick(services.database, names.WRITE_SUMMARY, period, lease=SLOW) as taken:
        if not taken:
            return
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        if not record_summary.is_summed_up(services.store, yesterday):
            record_summary.write_summary(services.database, services.store, yesterday)
        services.archives.tend()


@app.task(name=names.REPLAY_RECORD)
def replay_record(path: str) -> None:
    """Replay one record, by its path or s3:// address; see `fixative replay`."""
    app.services().replayer.replay_one(path)
