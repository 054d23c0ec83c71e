"""On what terms a job is accepted."""

from dataclasses import dataclass
from decimal import Decimal

from fixative.catalog.price import Price


@dataclass(frozen=True)
class Terms:
    """What the registry says of a job's model at the moment it is accepted; kept in its row."""

    price: Price | None = None
    max_cost: Decimal | None = None  # of one run; None: nothing bounds it
    max_seconds: int | None = None  # of a run; None: as FIXATIVE_MAX_RUN_SECONDS says
    cache_key: str | None = None  # the same for the same version, input and seed


NO_TERMS = Terms()  # of a model that the registry does not know
