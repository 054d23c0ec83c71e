"""The API on the servers that the settings name. Nothing is connected while it is built."""

from api.app import Api, create_app
from fixative.media.bucket import Bucket
from fixative.postgres.engine import Database
from fixative.replicate.client import Replicate
from fixative.replicate.pace import pace_of
from fixative.settings import Settings
from fixative.shared import Shared, connect
from worker.publisher import Publisher

CONNECTIONS = 10
PATIENCE_SECONDS = 2.5  # with Postgres: whoever submits is answered within 3 s


def assembled(settings: Settings) -> Api:
    """The WSGI application with parts of its own."""
    redis = connect(settings.redis_url.get_secret_value())
    return create_app(
        settings,
        database=Database.of(
            settings,
            connections=CONNECTIONS,
            application="fixative-api",
            patience=PATIENCE_SECONDS,
        ),
        publisher=Publisher(settings),
        redis=redis,
        bucket=Bucket(settings),
        replicate=Replicate(
            settings.replicate_base_url,
            settings.replicate_api_token,
            reads=pace_of(Shared(redis), settings, "reads"),
        ),
    )
