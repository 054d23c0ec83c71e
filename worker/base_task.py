"""What every task has in common, once: log context, metrics, what follows, and the end of errors.

No task is retried by Celery: the row it worked on says when it is due again, and the sweep hints
it. A task that ends on an error which trying again cannot mend leaves a dead letter.
"""

import inspect
import time
from typing import TYPE_CHECKING, Any

import structlog
from celery import Task

from fixative.errors import DatabaseAway, FixativeError
from fixative.names import AT_ONCE, QUEUE_OF_TASK, Hint
from fixative.telemetry.metrics import HINT_SECONDS, TASK_SECONDS, TASKS
from worker.heard import heard

if TYPE_CHECKING:
    # Beat and Flower load this module too, and never need the core: it is imported when used.
    from worker.services import Services

log = structlog.get_logger(__name__)


class FixativeTask(Task):  # type: ignore[type-arg]
    """A task whose function answers the hints that follow it, or None."""

    abstract = True

    @property
    def services(self) -> "Services":
        """This process's services."""
        services: Services = self.app.services()  # type: ignore[attr-defined]
        return services

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Run the task and deal with how it ended; nothing is raised to Celery."""
        heard()
        began = time.monotonic()
        with structlog.contextvars.bound_contextvars(**self._told(), task=self.name, **kwargs):
            outcome = self._run(args, kwargs)
        TASKS.labels(self.name, outcome).inc()
        TASK_SECONDS.labels(self.name).observe(time.monotonic() - began)

    def _told(self) -> dict[str, str]:
        """What the message tells beside the task: whose request it serves, and when it was sent."""
        told = self.request.headers or {}  # none of a task called by hand
        if "sent_at" in told:
            queue = QUEUE_OF_TASK.get(self.name, "")
            HINT_SECONDS.labels(queue).observe(max(0.0, time.time() - told["sent_at"]))
        request_id = told.get("request_id")
        return {"request_id": request_id} if request_id else {}

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """Run the task's function; the answer is how it ended, in a word."""
        try:
            hints: list[Hint] | None = self.run(*args, **kwargs)
        except FixativeError as error:
            if error.retryable:
                log.warning("task_put_off", error=f"{type(error).__name__}: {error}")
                return "put_off"
            self._bury(args, kwargs, error)
            return "dead"
        except Exception as error:  # noqa: BLE001 - the last place: written down, never swallowed
            self._bury(args, kwargs, error)
            return "dead"
        self._follow(hints or [])
        return "done"

    def _follow(self, hints: list[Hint]) -> None:
        """Send what follows, and do what is done at once: after a death the sweep has it done."""
        self.services.publisher.publish([hint for hint in hints if hint.task not in AT_ONCE])
        for hint in hints:
            if hint.task in AT_ONCE:
                self.app.tasks[hint.task](**hint.arguments)

    def _bury(self, args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception) -> None:
        log.error("task_dead", exc_info=error)
        from fixative.jobs.dead_letters import bury

        try:
            with self.services.database.begin() as session:
                bury(session, self.name, self._by_name(args, kwargs), error)
        except DatabaseAway as away:  # the log above has it all
            log.warning("not_buried", error=str(away))

    def _by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name, as hints have them, so that the letter finds its row."""
        if not args:
            return kwargs
        try:
            return inspect.signature(self.run).bind(*args, **kwargs).arguments
        except TypeError:  # they do not fit, which will be what the task died of
            return {**kwargs, "args": list(args)}
