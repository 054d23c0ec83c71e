"""The options that say which jobs are meant, as the API's filters."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from fixative.cli.instants import Instant
from fixative.cli.statuses import ALL

Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS = (
    click.option("--status", type=click.Choice(ALL)),
    click.option("--model", metavar="OWNER/NAME"),
    click.option("--job-type", metavar="TYPE"),
    click.option("--owner", metavar="NAME", help="Of this owner (takes a key of scope admin)."),
    click.option("--label"),
    click.option("--batch", metavar="ID", help="Of this batch."),
    click.option("--waiting", metavar="REASON", help="That wait for this reason, or for any."),
    click.option("--created-after", type=Instant(), metavar="T"),
    click.option("--created-before", type=Instant(), metavar="T"),
    click.option("--words", "q", metavar="TEXT", help="With all these words in the prompt."),
)


def filters(command: Command) -> Command:
    """Give a command these options; it gets them as `**asked`, under the API's names."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
