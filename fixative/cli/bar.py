"""A bar on a terminal: how far something has come whose end nobody knows before it is there."""

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from fixative.cli.screen import stderr


class Bar:
    """One line on stderr, as long as the block lasts; it stays there, full if `fill` was called.

    Where stderr is no terminal it is not `shown`, and lines that are said are all there is.
    """

    def __init__(self, what: str) -> None:
        self._console = stderr()
        self.shown = self._console.is_terminal
        columns = (
            *(TextColumn("{task.description}"), BarColumn(24)),
            *(TextColumn("{task.fields[done]}"), TimeElapsedColumn()),
        )
        self._progress = Progress(*columns, console=self._console, disable=not self.shown)
        self._task = self._progress.add_task(what, total=None, done="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def stand(self, done: str, *, completed: int = 0, total: int | None = None) -> None:
        """How far it has come, in words; and in numbers, where its end is known."""
        self._progress.update(self._task, done=done, completed=completed, total=total)

    def fill(self) -> None:
        """It has come to its end."""
        self._progress.update(self._task, completed=1, total=1)

    def say(self, line: str) -> None:
        """A line above the bar, however long."""
        self._console.print(line, soft_wrap=True)
