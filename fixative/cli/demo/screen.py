"""What the demo shows: steps, one after the other, in 80 columns or 100, on a terminal or not."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fixative.cli.demo.check import Checked
from fixative.cli.demo.orders import Running
from fixative.cli.screen import count, status_text, table
from fixative.cli.statuses import WAY

WIDTH = 100
INDENT = "   "


class Screen:
    """Writes each thing as it happens. What comes from outside is never read as markup."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(markup=False, highlight=False, emoji=False)
        if not self.console.is_terminal or self.console.width > WIDTH:
            self.console.width = WIDTH
        self._steps = 0

    def title(self) -> None:
        """Whose demo this is."""
        self.console.print()
        self.console.print("Fixative makes Replicate predictions permanent", style="bold")

    def step(self, title: str) -> None:
        """A new step begins."""
        self._steps += 1
        self.console.print()
        self.console.print(Text.assemble((f"{self._steps}  ", "cyan"), (title, "bold")))

    def note(self, line: str) -> None:
        """Something worth knowing."""
        self.console.print(f"{INDENT}{line}", style="dim", soft_wrap=True)

    def done(self, line: str) -> None:
        """Something came out right."""
        self.console.print(Text.assemble((f"{INDENT}✓ ", "green"), line), soft_wrap=True)

    def starting(self, lines: Iterable[str]) -> None:
        """Show what the supervisor says while it starts: one moving line, or plain lines."""
        terminal = self.console.is_terminal
        with self.console.status(f"{INDENT}starting") if terminal else nullcontext() as status:
            for line in lines:
                if not line.startswith("starting "):
                    continue
                if status:
                    status.update(f"{INDENT}{line}")
                else:
                    self.note(line)

    def orders(self, running: Sequence[Running]) -> None:
        """What was submitted."""
        rows = Table.grid(padding=(0, 2, 0, 0))
        for one in running:
            prompt = Text(str(one.order.input["prompt"]), "dim")
            rows.add_row(f"{INDENT}{one.order.kind}", one.order.model, prompt)
        self.console.print(rows)

    def follow(self, running: Sequence[Running], rounds: Iterable[None]) -> None:
        """Show each job's way while `rounds` looks after them: live, or a line for each move."""
        if not self.console.is_terminal:
            self._follow_in_lines(running, rounds)
            return
        with Live(way_table(running), console=self.console, auto_refresh=False) as live:
            for _ in rounds:
                live.update(way_table(running), refresh=True)

    def stored(self, running: Sequence[Running]) -> None:
        """The table of what there is now, and where."""
        self.console.print(stored_table(running))
        self.console.print()
        self.note("Each has a durable link that needs no key; the first of every job:")
        for one in running:
            for item in one.job["media"][:1]:
                link = (str(item["url"]), "blue")
                line = Text.assemble(f"{INDENT}{one.order.kind:<10} ", link)
                self.console.print(line, soft_wrap=True)

    def checked(self, one: Running, found: Checked) -> None:
        """A job's bytes are what everybody says they are."""
        objects = f"{found.objects} object{'s' if found.objects != 1 else ' '}"
        self.done(
            f"{one.order.kind:<10}  {objects:>9}  {count(found.bytes):>9} bytes  all the same"
        )

    def addresses(self, run: Mapping[str, Any], data_dir: Path, pid: int) -> None:
        """Where the system is that was left running."""
        self.step("Left running, as you asked")
        for name, where in (
            ("API", run["api_url"]),
            ("Flower", run["flower_url"]),
            ("Replicate", f"{run['replicate_url']}/_emulator/"),
            ("key", f"admin_key in {data_dir}/run.json"),
            ("logs", f"{data_dir}/logs"),
            ("stop it", f"kill {pid}"),
        ):
            self.console.print(f"{INDENT}{name:<10}  {where}", soft_wrap=True)
        self.console.print()

    def last_word(self, line: str, *, good: bool) -> None:
        """How it all ended."""
        self.console.print()
        self.console.print(line, style="bold green" if good else "bold red", soft_wrap=True)
        self.console.print()

    def _follow_in_lines(self, running: Sequence[Running], rounds: Iterable[None]) -> None:
        told = {one.job_id: 0 for one in running}
        for _ in rounds:
            for one in running:
                for place in range(max(1, told[one.job_id]), len(one.moves)):
                    (before, _at), (after, at) = one.moves[place - 1 : place + 1]
                    seconds = (at - one.moves[0][1]).total_seconds()
                    self.note(f"{one.order.kind:<10}  {seconds:5.1f} s  {before} → {after}")
                told[one.job_id] = len(one.moves)


def way_table(running: Sequence[Running]) -> Table:
    """Seconds that each job spent in each status; under the last one, the whole."""
    rows = table("", *(f"{status}>" for status in WAY))
    for one in running:
        stays = [_stay(one, status) for status in WAY[:-1]]
        rows.add_row(f"{INDENT}{one.order.kind}", *stays, _whole(one))
    return rows


def stored_table(running: Sequence[Running]) -> Table:
    """A line for each stored object, its job named once."""
    rows = table(f"{INDENT}kind", "status", "media", "bytes>", "SHA-256", "seconds>")
    for one in running:
        head = (f"{INDENT}{one.order.kind}", status_text(one.job["status"]))
        tail = f"{one.seconds:.1f}"
        for item in one.job["media"]:
            name = Text(item["name"], f"link {item['url']}")
            rows.add_row(*head, name, count(item["bytes"]), f"{item['sha256'][:12]}…", tail)
            head, tail = ("", Text("")), ""
        if not one.job["media"]:
            rows.add_row(*head, "", "", "", tail)
    return rows


def _stay(one: Running, status: str) -> Text:
    seconds = one.seconds_in(status)
    if seconds is None:
        return Text("·", "dim")
    here = status == one.status
    return Text(f"{seconds:.1f}", "bold cyan" if here else "")


def _whole(one: Running) -> Text:
    if one.status == WAY[-1]:
        return Text(f"✓ {one.seconds:.1f}", "green")
    return Text(one.status, "red") if one.finished else Text(f"{one.seconds:.1f}", "dim")
