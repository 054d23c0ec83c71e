"""Metrics as Prometheus reads them: what all processes counted, and gauges read at each scrape."""

import os
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from fixative.catalog.registry import Registry
from fixative.errors import BrokerAway, DatabaseAway
from fixative.postgres.engine import Database
from fixative.recovery.gauges import GAUGES
from fixative.replicate.pace import Pace
from fixative.settings import Settings
from worker.publisher import Publisher

HELD_BACK_BY = ("breaker", "token", "credit")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Exposition:
    """What gauges are read from at a scrape; what is away is absent from it."""

    settings: Settings
    database: Database
    publisher: Publisher
    paces: Sequence[Pace]
    registry: Registry

    def text(self) -> bytes:
        """The metrics, in Prometheus's text format.

        Those of every process that shares PROMETHEUS_MULTIPROC_DIR, where it is set.
        """
        counted: CollectorRegistry = REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            counted = CollectorRegistry()
            MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        asked = CollectorRegistry()
        for read in (self._postgres, self._paces, self._queues, self._models, self._machine):
            asked.register(_Asked(read))
        try:
            told = generate_latest(counted)
        except struct.error:  # a process is about to make its file, which is empty for a moment
            told = generate_latest(counted)
        return told + generate_latest(asked)

    def _postgres(self) -> Iterator[GaugeMetricFamily]:
        families = []
        try:
            with self.database.begin() as session:
                for gauge in GAUGES:
                    families.append(_family(gauge.name, gauge.means, gauge.labels))
                    for labels, value in gauge.read(session):
                        families[-1].add_metric(labels, value)
        except DatabaseAway as error:
            log.warning("gauges_unknown", reason=str(error))
            return
        yield from families

    def _paces(self) -> Iterator[GaugeMetricFamily]:
        told = _family(
            "fixative_pace_per_minute",
            "Calls a minute that Replicate lets us make; 0 while it is not to be asked",
            ("kind",),
        )
        held = _family("fixative_breaker_open", "1 while calls are held back", ("kind", "reason"))
        for pace in self.paces:
            state = pace.state()
            if state is not None:
                now = state.learned_per_minute or state.per_minute
                told.add_metric([pace.kind], 0 if state.closed_reason else now)
                for reason in HELD_BACK_BY:
                    held.add_metric([pace.kind, reason], state.closed_reason == reason)
        yield from (told, held)

    def _queues(self) -> Iterator[GaugeMetricFamily]:
        lengths = _family("fixative_queue_messages", "Messages that wait in the broker", ("queue",))
        try:
            for queue, messages in self.publisher.queue_lengths().items():
                lengths.add_metric([queue], messages)
        except BrokerAway as error:
            log.warning("queues_unknown", reason=str(error))
            return
        yield lengths

    def _models(self) -> Iterator[GaugeMetricFamily]:
        self.registry.entries()  # which looks at the file
        yield GaugeMetricFamily(
            "fixative_models_config_broken",
            "1 while the file of MODELS_CONFIG cannot be used and what it said before is in force",
            value=float(self.registry.broken is not None),
        )

    def _machine(self) -> Iterator[GaugeMetricFamily]:
        here = _family("fixative_info", "What runs here", ("version", "env"))
        here.add_metric([version("fixative"), self.settings.fixative_env], 1)
        yield here
        directory = self.settings.fixative_data_dir
        if directory.is_dir():
            disk = shutil.disk_usage(directory)
            yield GaugeMetricFamily("fixative_data_dir_free_bytes", "Free there", value=disk.free)
            yield GaugeMetricFamily("fixative_data_dir_size_bytes", "All there", value=disk.total)


class _Asked(Collector):
    """What is read at a scrape."""

    def __init__(self, read: Callable[[], Iterable[GaugeMetricFamily]]) -> None:
        self._read = read

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._read()

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: registering must ask nobody."""
        return []


def _family(name: str, means: str, labels: Sequence[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, means, labels=labels)
