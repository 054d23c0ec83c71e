"""Cost follows the work in hand: the same asked of a long history and of a short one."""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any, cast

import structlog

from api.app import create_app
from bench.harness import Comparison, Measure, Sample
from bench.history import make_history
from bench.rows_read import RowsRead, rows_read
from bench.scale_pages import Probes, page_probes
from bench.scale_workers import NothingKept, worker_probes
from bench.stage import Stage, open_stage
from fixative.access.keys import create_key
from fixative.names import Hint
from fixative.postgres.migrate import upgrade
from fixative.settings import load_settings
from worker.publisher import Publisher
from worker.services import Services

SHORT = 10_000
CALLS = 10  # of each a turn; the median counts
WARM_UP = 12  # by then a statement is prepared, and its plan kept for any parameter
LEAST = 20_000
MANY = {"FIXATIVE_KEY_PER_MINUTE": "1000000"}  # requests of a key
CONNECTIONS = 2
TOO_MANY, A_FEW = 1.5, 100  # times the rows, and more


def run(jobs: int, rounds: int) -> Comparison:
    """Pages, and what workers ask, on a history of JOBS and on one of 10,000: ms, and rows read."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    jobs = max(jobs, LEAST)
    with open_stage() as stage, ExitStack() as stack:
        sizes = {f"{size:,} jobs": size for size in (jobs, SHORT)}
        systems = {
            name: stack.enter_context(probed(stage.system.environ, _filled(stage, size)))
            for name, size in sizes.items()
        }
        names = list(next(iter(systems.values()))[0])
        measures = [Measure(name, "ms", "lower") for name in names]
        reads: dict[str, dict[str, Any]] = {}
        for name, (probes, kept) in systems.items():
            for probe in probes.values():
                _times(probe, WARM_UP)
            read = read_of(probes, kept)
            reads[name] = {p: found.as_json() for p, found in read.items()}
        _tell(*reads.values())
        settings = {"jobs": jobs, "rounds": rounds, "reads": reads}
        all_probes = {name: probes for name, (probes, _) in systems.items()}
        samples: dict[str, list[Sample]] = {name: [] for name in systems}
        for number in range(1, rounds + 1):
            for name, sample in _round(all_probes).items():
                samples[name].append(sample)
            print(f"  round {number} is done")
        return Comparison(measures, samples, settings)


class Nobody:
    """A publisher that tells nobody: the row is the work."""

    def publish(self, _: Iterable[Hint]) -> None:
        """Send nothing."""

    def queue_lengths(self) -> dict[str, int]:
        """Nothing waits."""
        return {}


@contextmanager
def probed(environ: dict[str, str], database_url: str) -> Iterator[tuple[Probes, NothingKept]]:
    """Everything that is asked of this database, and where the workers' part of it runs."""
    settings = load_settings({**environ, **MANY, "DATABASE_URL": database_url})
    services = Services(settings, connections=CONNECTIONS)
    app = create_app(
        settings,
        database=services.database,
        publisher=cast("Publisher", Nobody()),
        redis=services.shared.redis,
        bucket=services.bucket,
        replicate=services.replicate,
    )
    admin_key = settings.fixative_admin_key.get_secret_value()
    with services.database.begin() as session:
        owner_key = create_key(session, admin_key, "owner-1", ["submit", "read"]).key
    kept = NothingKept(services.database)
    try:
        pages = page_probes(app, database_url, admin_key, owner_key)
        yield pages | worker_probes(services, kept), kept
    finally:
        services.close()


def read_of(probes: Probes, kept: NothingKept) -> dict[str, RowsRead]:
    """What each of these reads of history."""
    found = {}
    for name, probe in probes.items():
        with rows_read() as read:
            kept.ending = read.ending
            probe()
        found[name] = read
    kept.ending = lambda _: None
    return found


def _filled(stage: Stage, jobs: int) -> str:
    url = stage.new_database(f"history_of_{jobs}")
    upgrade(url.replace("postgresql://", "postgresql+psycopg://"))
    began = time.monotonic()
    make_history(url, jobs)
    print(f"  a history of {jobs:,} jobs made in {time.monotonic() - began:.0f} s")
    return url


def _tell(long: dict[str, Any], short: dict[str, Any]) -> None:
    """Say what reads the more the longer history is, by Postgres's own count."""
    for name, read in long.items():
        rows, of_short = read["rows"], short[name]["rows"]
        if read["scanned"] or rows > TOO_MANY * of_short + A_FEW:
            ends = f", all of {', '.join(read['scanned'])}" if read["scanned"] else ""
            print(f"  {name}: {rows:,} rows of history{ends}, of the short one {of_short:,}")


def _round(all_probes: dict[str, Probes]) -> dict[str, Sample]:
    """Each probe once, of one history right after the other: in a minute the machine is another."""
    samples: dict[str, Sample] = {name: {} for name in all_probes}
    for probe in next(iter(all_probes.values())):
        for name, probes in all_probes.items():
            samples[name][probe] = median(_times(probes[probe], CALLS))
    return samples


def _times(probe: Any, calls: int) -> list[float]:
    """How long each took, in milliseconds."""
    taken = []
    for _ in range(calls):
        began = time.perf_counter()
        probe()
        taken.append(1000 * (time.perf_counter() - began))
    return taken
