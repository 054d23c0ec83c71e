"""The `fixative` command: each subcommand is imported when it is asked for, and only then."""

import importlib
import sys
from typing import Any

import click

from fixative.errors import FixativeError

COMMANDS = {
    "budgets": "fixative.cli.budgets:budgets",
    "dead": "fixative.cli.dead:dead",
    "digest": "fixative.cli.export:digest",
    "doctor": "fixative.cli.doctor:doctor",
    "emulator": "fixative.cli.emulator:emulator",
    "export": "fixative.cli.export:export",
    "jobs": "fixative.cli.jobs:jobs",
    "keys": "fixative.cli.keys:keys",
    "models": "fixative.cli.models:models",
    "notifications": "fixative.cli.notifications:notifications",
    "openapi": "fixative.cli.openapi:openapi",
    "owners": "fixative.cli.owners:owners",
    "migrate": "fixative.cli.migrate:migrate",
    "pause": "fixative.cli.pause:pause",
    "rebuild": "fixative.cli.rebuild:rebuild",
    "recover": "fixative.cli.recover:recover",
    "replay": "fixative.cli.replay:replay",
    "resume": "fixative.cli.pause:resume",
    "submit": "fixative.cli.submit:submit",
    "sync": "fixative.cli.sync:sync",
    "top": "fixative.cli.top:top",
    "up": "fixative.cli.up:up",
}


class LazyGroup(click.Group):
    """A group whose commands are named in COMMANDS; an expected error is one line, exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """All names, without importing any."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except FixativeError as error:
            click.echo(f"fixative: {error}", err=True)
            sys.exit(1)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fixative")
def main() -> None:
    """Makes every Replicate prediction permanent."""
