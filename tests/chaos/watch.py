"""What a running system holds: memory, files, connections, rows that are dead; and does it grow?"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psycopg
from redis.exceptions import RedisError

from bench.processes import shared_megabytes, tree_of
from tests.chaos.system import SERVERS, ChaosSystem

OURS = ("api", "worker-io", "worker-store", "worker-derive", "beat")
HOT_TABLES = ("ticks", "workers", "model_states")  # rows that are written for ever, and stay few
DEAD = """
    SELECT coalesce(max(n_dead_tup::float / (n_live_tup + n_dead_tup)), 0)
    FROM pg_stat_user_tables WHERE n_live_tup + n_dead_tup > 2000
"""
HOT = "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c WHERE relname = ANY('{{{}}}')"
CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

Sample = dict[str, float]


@dataclass(frozen=True)
class Bound:
    """A series that is to stay flat: by how much it may be higher at the end than before."""

    share: float
    slack: float


# By the first words of a series. What servers hold is theirs; what they hold for us is ours.
FLAT = {
    "MB, ": Bound(1.15, 15),
    "files, ": Bound(1.1, 10),
    "connections, ": Bound(1.1, 5),
    "hot tables, ": Bound(1.5, 200),
}
MOST_DEAD = 0.6  # of a table's rows: autovacuum begins at a fifth


@dataclass
class Watch:
    """Looks at the system now and then; `samples` has what it saw, by seconds since it began."""

    system: ChaosSystem
    samples: list[tuple[float, Sample]] = field(default_factory=list)

    def look(self, at: float) -> None:
        """Keep what there is to see now; who is dead at the moment is left out."""
        sample: Sample = {}
        pids = {role: self.system.pid(role) for role in (*OURS, *SERVERS)}
        for role, pid in pids.items():
            with suppress(OSError, KeyError):
                if pid:
                    ours = role in OURS
                    kind = "MB" if ours else "servers' MB"
                    sample[f"{kind}, {role}"] = shared_megabytes({role: pid})[role]
                    if ours:
                        sample[f"files, {role}"] = float(sum(_files(pid)))
        for look in (self._postgres, self._valkey):
            with suppress(psycopg.OperationalError, RedisError):
                sample |= look()
        self.samples.append((at, sample))

    def series(self, prefix: str) -> dict[str, list[tuple[float, float]]]:
        """Every series that begins so, by what follows."""
        names = sorted({name for _, sample in self.samples for name in sample})
        return {
            name.removeprefix(prefix): [(at, s[name]) for at, s in self.samples if name in s]
            for name in names
            if name.startswith(prefix)
        }

    def growing(self) -> list[str]:
        """What was higher in the last quarter than in the second, beyond its bound."""
        return list(growing(self.samples))

    def _postgres(self) -> Sample:
        def one(query: str) -> float:
            return float(self.system.sql(query)[0][0] or 0)

        return {
            "connections, postgres": one(CONNECTIONS),
            "dead share": one(DEAD),
            "hot tables, kB": one(HOT.format(",".join(HOT_TABLES))) / 1000,
            "database MB": one("SELECT pg_database_size(current_database())") / 1e6,
        }

    def _valkey(self) -> Sample:
        with self.system.redis() as redis:
            told = redis.info()
        return {
            "connections, valkey": float(told["connected_clients"]),
            "valkey MB": told["used_memory"] / 1e6,
        }


def growing(samples: Sequence[tuple[float, Mapping[str, float]]]) -> Iterator[str]:
    """Medians of quarters are compared, so that a death or a burst in between is no growth."""
    quarter = len(samples) // 4
    before, last = samples[quarter : 2 * quarter], samples[-quarter:]
    names = sorted({name for _, sample in samples for name in sample})
    for name in names:
        was, is_ = (_median(part, name) for part in (before, last))
        for prefix, bound in FLAT.items():
            if name.startswith(prefix) and is_ > was * bound.share + bound.slack:
                yield f"{name} grew from {was:.0f} to {is_:.0f}"
    dead = _median(last, "dead share")
    if dead > MOST_DEAD:
        yield f"{dead:.0%} of a table's rows are dead"


def _median(samples: Sequence[tuple[float, Mapping[str, float]]], name: str) -> float:
    return median([sample[name] for _, sample in samples if name in sample] or [0])


def _files(pid: int) -> Iterator[int]:
    for each in tree_of(pid):
        with suppress(OSError):
            yield sum(1 for _ in Path(f"/proc/{each}/fd").iterdir())
