"""A bare poll: each prediction asked for by itself, and its status put into its row."""

from typing import Any

import httpx
import psycopg

TABLE = "CREATE TABLE flying (id text PRIMARY KEY, status text)"
OPEN = "SELECT id FROM flying WHERE status IS NULL"
UPDATE = "UPDATE flying SET status = %s WHERE id = %s"


def ask_each(replicate: httpx.Client, database: psycopg.Connection[Any]) -> None:
    """Ask for every prediction that is not known to have ended."""
    for [prediction_id] in database.execute(OPEN).fetchall():
        prediction = replicate.get(f"/v1/predictions/{prediction_id}").raise_for_status().json()
        if prediction["status"] in {"succeeded", "failed", "canceled", "aborted"}:
            database.execute(UPDATE, (prediction["status"], prediction_id))
