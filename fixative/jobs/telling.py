"""What a job's owner may have told, and to whom."""

from collections.abc import Sequence

from fixative.errors import InvalidRequest
from fixative.hosts import AllowedHosts
from fixative.postgres.tables import TERMINAL_STATUSES

REPLICATES_FORMAT = "replicate"  # of what is told: a prediction, as Replicate tells it
DEFAULT_EVENTS = ("completed",)
# The id of a notification, in SQL: of the same event of the same job at the same instant it is the
# same, whoever writes it and however often, also when a rebuild has brought the job back.
EVENT_ID = "CAST(md5(concat_ws(' ', {job_id}, {event}, extract(epoch FROM {at}))) AS uuid)"
SEVERAL = {"start": ("processing",), "completed": TERMINAL_STATUSES}  # Replicate's own words


def told_of(events: Sequence[str] | None) -> list[str]:
    """The statuses (and `waiting`) that these events are, each once; what has ended by default."""
    names = events or DEFAULT_EVENTS
    return list(dict.fromkeys(one for name in names for one in SEVERAL.get(name, (name,))))


def check_webhook(url: str | None, allowed: AllowedHosts) -> None:
    """Raise InvalidRequest unless this address may be called; names are resolved only then."""
    if url is not None and not allowed.allows(url):
        raise InvalidRequest("webhook", "no address that may be called: https, and a public name")
