"""Points in time on the command line."""

from datetime import datetime
from typing import Any

import click


class Instant(click.ParamType[str]):
    """A time in ISO 8601; without a zone it is the local one's."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The same with its zone."""
        try:
            return datetime.fromisoformat(value).astimezone().isoformat()
        except ValueError:
            self.fail(f"not a time in ISO 8601: {value}", param, ctx)
