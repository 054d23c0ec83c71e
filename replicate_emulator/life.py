"""How a prediction lives: starting, processing, its end, and all that happens on the way."""

import asyncio
from collections.abc import Callable

from replicate_emulator import times
from replicate_emulator.ledger import Ledger
from replicate_emulator.predictions import OUTPUT_READY, QUARTERS, Prediction
from replicate_emulator.stats import Stats
from replicate_emulator.webhooks import Webhooks


class Life:
    """Moves predictions on by the clock of the running event loop."""

    def __init__(self, ledger: Ledger[Prediction], webhooks: Webhooks, stats: Stats) -> None:
        self._ledger = ledger
        self._webhooks = webhooks
        self._stats = stats
        self._waited_for: dict[str, asyncio.Event] = {}
        self._stopped = False

    def begin(self, prediction: Prediction) -> None:
        """The prediction exists from now on, and goes its way."""
        self._ledger.add(prediction)
        self._stats.created(prediction)
        self._later(prediction.start_seconds, self._start, prediction)
        if prediction.deadline is not None:
            left = (prediction.deadline - times.now()) / times.SECOND
            self._later(left, self._reach_deadline, prediction)

    def cancel(self, prediction: Prediction) -> None:
        """End it as canceled; one that has ended stays as it is."""
        if not prediction.is_terminal:
            self._end(prediction, "canceled")

    async def wait(self, prediction: Prediction, seconds: float) -> bool:
        """Whether it has all its output, or has ended, within the seconds."""
        if prediction.is_terminal:
            return True
        event = self._waited_for.setdefault(prediction.id, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        return True

    def stop(self) -> None:
        """Nothing happens to anyone any more."""
        self._stopped = True

    def _later(
        self, seconds: float, step: Callable[[Prediction], None], prediction: Prediction
    ) -> None:
        asyncio.get_running_loop().call_later(max(0.0, seconds), self._do, step, prediction)

    def _do(self, step: Callable[[Prediction], None], prediction: Prediction) -> None:
        if not (self._stopped or prediction.is_terminal):
            step(prediction)

    def _start(self, prediction: Prediction) -> None:
        prediction.started = times.now()
        prediction.status = "processing"
        self._webhooks.report(prediction, "start")
        seconds = prediction.run_seconds
        if prediction.webhook and "logs" in prediction.events:
            for line in range(1, QUARTERS):
                self._later(seconds * line / QUARTERS, self._log, prediction)
        if prediction.webhook and prediction.puts_out_tokens and "output" in prediction.events:
            for part in range(1, int(seconds / 0.5) + 1):
                self._later(part * 0.5, self._put_out, prediction)
        if prediction.will_fail_with is None:
            self._later(seconds * OUTPUT_READY, self._have_output, prediction)
        self._later(seconds, self._finish, prediction)

    def _log(self, prediction: Prediction) -> None:
        self._webhooks.report(prediction, "logs")

    def _put_out(self, prediction: Prediction) -> None:
        self._webhooks.report(prediction, "output")

    def _have_output(self, prediction: Prediction) -> None:
        self._webhooks.report(prediction, "output")
        self._wake(prediction)

    def _finish(self, prediction: Prediction) -> None:
        prediction.error = prediction.will_fail_with
        self._end(prediction, "failed" if prediction.error is not None else "succeeded")

    def _reach_deadline(self, prediction: Prediction) -> None:
        self._end(prediction, "aborted" if prediction.started is None else "canceled")

    def _end(self, prediction: Prediction, status: str) -> None:
        prediction.status = status
        prediction.completed = times.now()
        self._stats.ended(prediction)
        self._webhooks.report(prediction, "completed")
        self._wake(prediction)

    def _wake(self, prediction: Prediction) -> None:
        event = self._waited_for.pop(prediction.id, None)
        if event:
            event.set()
