"""One kind of request at saturation: its rate, how long it takes, and what it costs."""

from collections.abc import Callable, Mapping, Sequence

from bench.asking import Ask, saturate
from bench.harness import Measure, Sample
from bench.processes import cpu_seconds
from bench.stage import Stage

ROLE = "api"
WARM_UP = 100


def measures(kind: str) -> tuple[Measure, ...]:
    """What `saturated` tells of this kind of request."""
    return (
        Measure(f"{kind} per second", "1/s", "higher"),
        Measure(f"{kind} p50", "ms", "lower"),
        Measure(f"{kind} p99", "ms", "lower"),
        Measure(f"CPU per {kind}", "ms", "lower"),
        Measure(f"CPU per {kind}, servers", "ms", "lower"),
    )


def saturated(
    stage: Stage,
    pids: Mapping[str, int],
    port: int,
    kind: str,
    *,
    asks: Callable[[int], Sequence[Ask]],
    requests: int,
) -> Sample:
    """Send so many of `asks` to an API that has been warmed up by a few more."""
    ready = asks(WARM_UP + requests)
    saturate(port, ready[:WARM_UP])
    everything = {ROLE: pids[ROLE], **stage.servers.pids}
    before = cpu_seconds(everything)
    answers = saturate(port, ready[WARM_UP:])
    used = {role: cpu - before[role] for role, cpu in cpu_seconds(everything).items()}
    api = used.pop(ROLE)
    figures = (
        answers.per_second,
        answers.percentile(50),
        answers.percentile(99),
        1000 * api / requests,
        1000 * sum(used.values()) / requests,
    )
    return {measure.name: figure for measure, figure in zip(measures(kind), figures, strict=True)}
