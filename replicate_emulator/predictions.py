"""A prediction: what is remembered of it, and how it looks at a given moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from replicate_emulator import times
from replicate_emulator.files import File, files_in
from replicate_emulator.models import Model

TERMINAL: Final = frozenset(("succeeded", "failed", "canceled", "aborted"))
DEFAULT_EVENTS: Final = frozenset(("output", "completed"))
# The share of its running time after which a model has its output and only uploads it:
# Replicate then shows the whole output while the status is still `processing`.
OUTPUT_READY = 0.9
# Its log has a line at the start and one for each of these parts of the run.
QUARTERS = 4


@dataclass(slots=True)
class Prediction:
    """One run of a model; moments are nanoseconds, durations seconds."""

    id: str
    model: Model
    input: Mapping[str, Any]
    created: int
    source: str = "api"
    deployment: str | None = None
    webhook: str | None = None
    events: frozenset[str] = DEFAULT_EVENTS
    deadline: int | None = None
    start_seconds: float = 0.0
    run_seconds: float = 0.0
    status: str = "starting"
    started: int | None = None
    completed: int | None = None
    error: str | None = None
    listed_from: int = 0
    readable_from: int = 0

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended."""
        return self.status in TERMINAL

    @property
    def will_fail_with(self) -> str | None:
        """The error it is bound to end with."""
        return self.model.error_for(self.input)

    @property
    def puts_out_tokens(self) -> bool:
        """Whether its output grows token by token, and does not come all at once."""
        return self.model.streams and not self.model.wraps

    def progress(self, now: int) -> float:
        """How much of the running is done, from 0 to 1."""
        if self.started is None:
            return 0.0
        if self.status == "succeeded" or self.run_seconds <= 0:
            return 1.0
        until = now if self.completed is None else self.completed
        return min(1.0, (until - self.started) / times.SECOND / self.run_seconds)

    def predict_seconds(self) -> float:
        """How long it ran, which is what is billed."""
        if self.started is None or self.completed is None:
            return 0.0
        return max(0, self.completed - self.started) / times.SECOND

    def whole_output(self) -> Any:
        """What its model makes of its input, with files as File; whatever became of it since."""
        output = self.model.make(self.input, self.id)
        return {"result": output} if self.model.wraps else output

    def output(self, now: int) -> Any:
        """What of its output is there, with files as File, whether or not it was removed since."""
        if self.status == "succeeded":
            return self.whole_output()
        if self.status != "processing" or self.will_fail_with is not None:
            return None
        progress = self.progress(now)
        if progress >= OUTPUT_READY:
            return self.whole_output()
        if not self.puts_out_tokens:
            return None
        tokens = self.whole_output()
        return tokens[: int(len(tokens) * progress / OUTPUT_READY)] or None

    def counted(self) -> dict[str, int]:
        """What its model counts of its run, as metrics."""
        output = self.whole_output() if self.status == "succeeded" else None
        counts = {
            "image_count": len(files_in(output)),
            "input_token_count": len(str(self.input.get("prompt", "")).split()),
            "output_token_count": len(output) if isinstance(output, list) else 0,
        }
        return {name: counts[name] for name in self.model.counts}

    def files(self, now: int) -> list[File]:
        """The files of its output by index."""
        return files_in(self.output(now))

    def is_removed(self, now: int, seconds: float, counted_from: str) -> bool:
        """Whether Replicate has deleted its data: not those made in the browser."""
        if self.completed is None or self.source == "web":
            return False
        begin = self.created if counted_from == "created" else self.completed
        return now >= begin + int(seconds * times.SECOND)

    def logs(self, now: int) -> str:
        """What its model has written so far."""
        if self.started is None:
            return ""
        done = int(self.progress(now) * QUARTERS)
        return "\n".join(self.log_lines()[: done + 1]) + "\n"

    def log_lines(self) -> list[str]:
        """All that its model writes: a progress bar, a line for every quarter."""
        lines = [f"Using seed: {self.created // 1_000_000 % 100_000}"]
        for done in range(1, QUARTERS + 1):
            bar = "█" * (done * 5) + " " * (20 - done * 5)
            lines.append(f"{done * 25:3d}%|{bar}| {done}/{QUARTERS}")
        return lines
