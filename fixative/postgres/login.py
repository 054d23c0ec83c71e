"""Who we are to Postgres: the user and the password of DATABASE_URL, as they are at each connect.

Nothing else of it is followed while we run: to go to another server or another database without all
processes going at once would be to have two truths.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from fixative.errors import DatabaseAway
from fixative.rotating import renewed

Connection = TypeVar("Connection")


class Login:
    """Safe to use from many threads. Connections that stand are not touched."""

    def __init__(self, url: SecretStr) -> None:
        self._url = url

    def connected(self, connect: Callable[..., Connection], params: dict[str, Any]) -> Connection:
        """`connect(**params)` as whoever we are now.

        Once more where the password is refused and there is another by then. Raises DatabaseAway
        when DATABASE_URL has become none, and whatever `connect` raises.
        """
        url = self._url.get_secret_value()
        try:
            return connect(**params | _user_and_password(url))
        except psycopg.OperationalError as error:
            # The server's code does not come through; whether it asked for a password does.
            if not (error.pgconn and error.pgconn.used_password and renewed(self._url, url)):
                raise
        return connect(**params | _user_and_password(self._url.get_secret_value()))


def _user_and_password(url: str) -> dict[str, str]:
    try:
        parts = make_url(url)
    except ArgumentError:
        raise DatabaseAway("DATABASE_URL has become something else than a URL") from None
    told = {"user": parts.username, "password": parts.password}
    return {name: value for name, value in told.items() if value is not None}
