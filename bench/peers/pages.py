"""A bare script: page after page read, and each inserted, as one writes it in a minute.

It looks at nothing that is there and keeps no cursor; a prediction that makes no sense ends it.
"""

import json
import os
import time
from typing import Any

import httpx
import psycopg

from bench.processes import peak_megabytes

TABLE = "CREATE TABLE predictions (id text PRIMARY KEY, created_at timestamptz, raw json)"
INSERT = "INSERT INTO predictions VALUES (%s, %s, %s)"


def walk(replicate: httpx.Client, database: psycopg.Connection[Any]) -> None:
    """Insert every prediction of Replicate's list."""
    url = "/v1/predictions"
    while url:
        page = replicate.get(url).raise_for_status().json()
        rows = [(raw["id"], raw["created_at"], json.dumps(raw)) for raw in page["results"]]
        with database.transaction(), database.cursor() as cursor:
            cursor.executemany(INSERT, rows)
        url = page["next"]


def main() -> None:
    """Walk, and print the seconds, the CPU and the memory that it took."""
    token = {"Authorization": f"Bearer {os.environ['REPLICATE_API_TOKEN']}"}
    origin, database_url = os.environ["REPLICATE_BASE_URL"], os.environ["DATABASE_URL"]
    with (
        httpx.Client(base_url=origin, headers=token, timeout=60, trust_env=False) as replicate,
        psycopg.connect(database_url, autocommit=True) as database,
    ):
        database.execute(TABLE)
        began, cpu = time.monotonic(), time.process_time()
        walk(replicate, database)
        taken = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}
    print(json.dumps({**taken, "peak": peak_megabytes({"script": os.getpid()})["script"]}))


if __name__ == "__main__":
    main()
