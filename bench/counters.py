"""What the servers have counted so far; figures of two moments are held against each other."""

import psycopg
import redis

from bench.harness import Sample
from bench.stage import Stage
from bench.systems import Contestant

LOG = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
TRANSACTIONS = """SELECT xact_commit + xact_rollback FROM pg_stat_database
    WHERE datname = current_database()"""


def counted(stage: Stage) -> Sample:
    """Bytes of Postgres' write-ahead log, bytes that Redis was sent, commands that it did."""
    with psycopg.connect(stage.system.environ["DATABASE_URL"]) as connection:
        [log] = connection.execute(LOG).fetchone() or [0]
    with redis.Redis.from_url(stage.system.environ["REDIS_URL"]) as client:
        info = client.info("stats")
    return {
        "log bytes": float(log),
        "Redis bytes": float(info["total_net_input_bytes"]),
        "Redis commands": float(info["total_commands_processed"]),
    }


def transactions(contestant: Contestant) -> int:
    """How many transactions have ended in its database; those of the last second may be missing."""
    with psycopg.connect(contestant.database_url) as connection:
        [done] = connection.execute(TRANSACTIONS).fetchone() or [0]
    return int(done)
