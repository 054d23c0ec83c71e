"""A bare replay: each file read, parsed, and put into a row, as anybody would write it."""

import json
from pathlib import Path

import psycopg
from psycopg.types.json import Json

TABLE = """CREATE TABLE recorded (
    id uuid PRIMARY KEY, model text, status text, input json, result json, completed_at timestamptz
)"""
ROW = "INSERT INTO recorded VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"


def insert(url: str, directory: Path) -> None:
    """Make a row of every record below the directory, each in a transaction of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE)
        for path in directory.glob("daily/*/processed/*.json"):
            record = json.loads(path.read_bytes())
            asked, result = Json(record["job"]["provider_config"]), Json(record["result"])
            model, status = record["job"]["provider_config"]["model"], "succeeded"
            row = (record["job_id"], model, status, asked, result, record["completed_at"])
            connection.execute(ROW, row)
