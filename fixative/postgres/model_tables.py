"""The table of models: what was found of each when it was last said to be right."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from fixative.postgres.base import NOW, Table


class ModelState(Table):
    """A model of the registry as it is taken to be, and how it differed when last looked at."""

    __tablename__ = "model_states"

    model: Mapped[str] = mapped_column(primary_key=True)  # its id in the registry
    accepted: Mapped[dict[str, Any]]  # schema, units, seconds, shapes; null where not known yet
    accepted_at: Mapped[datetime] = mapped_column(server_default=NOW)
    differences: Mapped[list[Any]]  # each {what, detail}
    checked_at: Mapped[datetime] = mapped_column(server_default=NOW)
