"""A prediction as server-sent events: its output and its logs as they appear, then its end.

Which events there are, and in what order, hangs on the prediction alone: who comes late, or comes
back, is told the same again.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import orjson

from replicate_emulator import times
from replicate_emulator.predictions import OUTPUT_READY, QUARTERS, Prediction

# While nothing happens, a reader who left is noticed this late.
_LOOK_SECONDS = 0.5
_A_MOMENT: Final = times.SECOND // 100
_LINE_END = re.compile("\r\n|\r|\n")
_ENDS = {
    "succeeded": {},
    "failed": {"reason": "error"},
    "canceled": {"reason": "canceled"},
    "aborted": {"reason": "canceled"},  # A guess: no document names a reason of its own.
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event, and the moment it appears."""

    name: str
    data: str
    moment: int

    def write(self, place: int) -> bytes:
        """The event as it is sent; its id has its second, and its place in the stream."""
        lines = [f"event: {self.name}", f"id: {self.moment // times.SECOND}:{place}"]
        lines += [f"data: {line}" for line in _LINE_END.split(self.data)]
        return ("\n".join(lines) + "\n\n").encode()


def read_place(event_id: str) -> int:
    """The place behind the event of that id; the beginning when it is no id of ours."""
    place = event_id.rpartition(":")[2]
    return int(place) + 1 if place.isdecimal() else 0


class Stream:
    """The events of one prediction, for one reader.

    `output` makes its whole output as JSON; `wait` returns after the seconds, or earlier when
    the prediction has ended; `is_read` tells whether the reader is still there.
    """

    def __init__(
        self,
        prediction: Prediction,
        output: Callable[[], Any],
        wait: Callable[[Prediction, float], Awaitable[object]],
        is_read: Callable[[], bool],
    ) -> None:
        self._prediction = prediction
        self._output = output
        self._wait = wait
        self._is_read = is_read

    async def events(self) -> AsyncIterator[Event]:
        """Each event when its moment has come; nothing more once the reader has left."""
        prediction = self._prediction
        start = prediction.created + int(prediction.start_seconds * times.SECOND)
        while prediction.started is None and await self._waits_for(
            max(start, times.now() + _A_MOMENT)
        ):
            pass
        for event in self.script:
            while await self._waits_for(event.moment):
                pass
            if not self._has_appeared(event):
                break
            yield event
        while await self._waits_for(times.now() + times.SECOND):
            pass
        if prediction.is_terminal:
            for event in self._ending():
                yield event

    @cached_property
    def script(self) -> list[Event]:
        """What it logs and puts out if nobody stops it, once it has started."""
        if self._prediction.started is None:
            return []
        lines = enumerate(self._prediction.log_lines())
        logs = [Event("logs", line, self._moment(part / QUARTERS)) for part, line in lines]
        return sorted((*logs, *self._outputs()), key=lambda event: event.moment)

    def _outputs(self) -> list[Event]:
        prediction = self._prediction
        output = None if prediction.will_fail_with is not None else self._output()
        if output is None:
            return []
        # A guess: what is neither text nor a list of it comes as JSON.
        parts = output if isinstance(output, list) else [output]
        texts = [part if isinstance(part, str) else orjson.dumps(part).decode() for part in parts]
        first = 1 if prediction.puts_out_tokens else len(texts)
        return [
            Event("output", text, self._moment(OUTPUT_READY * max(first, place) / len(texts)))
            for place, text in enumerate(texts, 1)
        ]

    def _ending(self) -> list[Event]:
        prediction = self._prediction
        moment = prediction.completed or prediction.created
        done = Event("done", _json(_ENDS[prediction.status]), moment)
        if prediction.status != "failed":
            return [done]
        return [Event("error", _json({"detail": prediction.error}), moment), done]

    def _moment(self, progress: float) -> int:
        started = self._prediction.started or 0
        return started + int(self._prediction.run_seconds * progress * times.SECOND)

    def _has_appeared(self, event: Event) -> bool:
        prediction = self._prediction
        until = times.now() if prediction.completed is None else prediction.completed
        return prediction.status == "succeeded" or event.moment <= until

    async def _waits_for(self, moment: int) -> bool:
        """Waits a little if the moment is still to come, and says whether it did."""
        left = (moment - times.now()) / times.SECOND
        if left <= 0 or self._prediction.is_terminal or not self._is_read():
            return False
        await self._wait(self._prediction, min(left, _LOOK_SECONDS))
        return True


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
