"""What all tables share: UTC instants, JSON types, names for constraints."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import MetaData, Numeric, Text, text
from sqlalchemy.dialects.postgresql import JSON, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, mapped_column

NOW = text("now()")

# JSON as it was written: jsonb would sort the keys of a model's output, and refuse the NUL
# characters that a model may well produce.
Verbatim = Annotated[dict[str, Any], mapped_column(JSON(none_as_null=True))]


def one_of(column: str, values: tuple[str, ...]) -> str:
    """The SQL condition that a column has one of these values, for a check constraint."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class Table(DeclarativeBase):
    """Base of all tables: UTC instants, JSON as jsonb, named constraints."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own form
        datetime: TIMESTAMP(timezone=True),
        str: Text,
        Decimal: Numeric(20, 9),  # US dollars
        dict[str, Any]: JSONB(none_as_null=True),
        list[str]: JSONB(none_as_null=True),
        list[Any]: JSONB(none_as_null=True),
    }
