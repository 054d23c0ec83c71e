"""What answers to machines look like: to those that watch over us, and to Replicate."""

from typing import Literal

from pydantic import ConfigDict

from api.answer_schemas import Answer


class Received(Answer):
    """The delivery is in Postgres."""

    model_config = ConfigDict(json_schema_extra={"example": {"received": True}})

    received: Literal[True]


class Alive(Answer):
    """This process answers."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "ok"}})

    status: Literal["ok"]


class Dependency(Answer):
    """One server we need, and how long it took to answer."""

    status: Literal["ok", "away"]
    ms: int


class Workers(Answer):
    """Whether workers live, and which of them hear nothing; it makes nobody unready."""

    status: Literal["ok", "deaf", "none", "unknown"]
    deaf: list[str]


class Readiness(Answer):
    """Whether everything we need answers."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "status": "away",
                "postgres": {"status": "ok", "ms": 2},
                "redis": {"status": "away", "ms": 1000},
                "bucket": {"status": "ok", "ms": 9},
                "workers": {"status": "deaf", "deaf": ["worker-store@fixative-1"]},
            }
        }
    )

    status: Literal["ok", "away"]
    postgres: Dependency
    redis: Dependency
    bucket: Dependency
    workers: Workers
