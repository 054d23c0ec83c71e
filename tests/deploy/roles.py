"""The roles of deploy/postgres on a database of a test's own."""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

SCRIPT = Path(__file__).parents[2] / "deploy" / "postgres" / "roles.sql"
ROLES = ("fixative_owner", "fixative_app", "fixative_read")
PASSWORD = "of-the-tests"


def give_roles(database_url: str) -> dict[str, str]:
    """Run the script; the database's URL for each role."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SCRIPT.read_text())  # type: ignore[call-overload]
        for role in ROLES:
            connection.execute(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")  # type: ignore[call-overload]
    parts = urlsplit(database_url)
    place = parts.netloc.rpartition("@")[2]
    return {role: urlunsplit(parts._replace(netloc=f"{role}:{PASSWORD}@{place}")) for role in ROLES}
