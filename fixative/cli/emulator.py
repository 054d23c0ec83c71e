"""`fixative emulator`: the local Replicate in the foreground."""

import os
import sys

import click


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def emulator(arguments: tuple[str, ...]) -> None:
    """Run the local Replicate until Ctrl-C (`fixative emulator --help` lists what it takes)."""
    command = [sys.executable, "-m", "replicate_emulator", *arguments]
    os.execv(sys.executable, command)  # noqa: S606 (it takes our place)
