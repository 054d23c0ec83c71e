"""Metrics as Prometheus reads them: this process's, or all workers', and the backlog."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from fixative.catalog.drift import drifted
from fixative.catalog.registry import Registry
from fixative.errors import DatabaseAway
from fixative.jobs.listing import backlog
from fixative.postgres.engine import Database
from fixative.postgres.presence import lateness, live
from fixative.recovery.state import count_unrecorded, unrecorded_seconds
from fixative.replicate.pace import Pace

log = structlog.get_logger(__name__)


def exposition(database: Database, paces: Iterable[Pace], registry: Registry) -> bytes:
    """The metrics, in Prometheus's text format.

    Those of every process that shares PROMETHEUS_MULTIPROC_DIR, where it is set.
    """
    counted: CollectorRegistry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    asked = CollectorRegistry()
    asked.register(_Backlog(database))
    asked.register(_Paces(paces))
    asked.register(_Models(database, registry))
    return generate_latest(counted) + generate_latest(asked)


class _Backlog(Collector):
    """Gauges read from Postgres at each scrape; absent while it is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            with self._database.begin() as session:
                left = backlog(session)
                there, late = live(session), lateness(session)
                unrecorded = unrecorded_seconds(session)
                behind = count_unrecorded(session)
        except DatabaseAway as error:
            log.warning("backlog_unknown", reason=str(error))
            return
        jobs = GaugeMetricFamily("fixative_jobs", "Unfinished jobs by status", labels=["status"])
        for status, count in left.jobs.items():
            jobs.add_metric([status], count)
        yield jobs
        yield GaugeMetricFamily(
            "fixative_oldest_due_seconds",
            "How late the unfinished job is that is due for longest",
            value=left.oldest_due_seconds,
        )
        yield GaugeMetricFamily(
            "fixative_oldest_unrecorded_seconds",
            "For how long the oldest accepted job waits for its record in OUTPUT_DIR",
            value=unrecorded,
        )
        yield GaugeMetricFamily(
            "fixative_unrecorded_jobs",
            "Ended jobs whose record in OUTPUT_DIR and manifest are behind",
            value=behind,
        )
        workers = GaugeMetricFamily("fixative_workers", "Workers that live", labels=["role"])
        for role, count in Counter(name.partition("@")[0] for name in there).items():
            workers.add_metric([role], count)
        yield workers
        canaries = GaugeMetricFamily(
            "fixative_worker_canary_late_seconds",
            "By how much the last canary is ahead of what the worker heard",
            labels=["worker"],
        )
        for name, seconds in late.items():
            canaries.add_metric([name], seconds)
        yield canaries

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: registering must not ask Postgres."""
        return []


class _Paces(Collector):
    """The pace of each kind of call, read from Redis at each scrape; absent while it is away."""

    def __init__(self, paces: Iterable[Pace]) -> None:
        self._paces = paces

    def collect(self) -> Iterator[GaugeMetricFamily]:
        told = GaugeMetricFamily(
            "fixative_pace_per_minute",
            "Calls a minute that Replicate lets us make; 0 while it is not to be asked",
            labels=["kind"],
        )
        for pace in self._paces:
            state = pace.state()
            if state is not None:
                now = state.learned_per_minute or state.per_minute
                told.add_metric([pace.kind], 0 if state.closed_reason else now)
        yield told

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: registering must not ask Redis."""
        return []


class _Models(Collector):
    """Whether MODELS_CONFIG is in force as it stands, and what has drifted from it."""

    def __init__(self, database: Database, registry: Registry) -> None:
        self._database = database
        self._registry = registry

    def collect(self) -> Iterator[GaugeMetricFamily]:
        self._registry.entries()  # which looks at the file
        yield GaugeMetricFamily(
            "fixative_models_config_broken",
            "1 while the file of MODELS_CONFIG cannot be used and what it said before is in force",
            value=float(self._registry.broken is not None),
        )
        drift = GaugeMetricFamily(
            "fixative_model_drift",
            "1 for what differs from what was accepted of a model: schema, price, time, output",
            labels=["model", "what"],
        )
        try:
            with self._database.begin() as session:
                found = drifted(session)
        except DatabaseAway as error:
            log.warning("drift_unknown", reason=str(error))
            return
        for model, what in found:
            drift.add_metric([model, what], 1)
        yield drift

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: registering must ask nobody."""
        return []
