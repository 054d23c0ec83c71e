"""What a page lets be done: what the key of its session may do, and nothing else."""

from werkzeug.exceptions import Forbidden

from api.auth import caller


def need(scope: str) -> None:
    """Raise Forbidden when the key lacks this scope."""
    if scope not in caller().scopes:
        raise Forbidden(f"this key lacks the scope {scope}")
