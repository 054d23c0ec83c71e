"""The API as gunicorn runs it (`gunicorn --preload api.wsgi:app`).

Nothing is connected while it is built, so that it may be built before the workers are forked.
"""

import gc
import sys

from api.app import create_app
from fixative.errors import WrongSetting
from fixative.media.bucket import Bucket
from fixative.postgres.engine import Database
from fixative.replicate.client import Replicate
from fixative.replicate.pace import pace_of
from fixative.settings import load_settings
from fixative.shared import Shared, connect
from fixative.telemetry.logging import configure_logging_of
from worker.publisher import Publisher

CONNECTIONS = 10
PATIENCE_SECONDS = 2.5  # with Postgres: whoever submits is answered within 3 s
APP_LOAD_ERROR = 4  # with this exit code of a worker gunicorn ends instead of starting another

try:
    settings = load_settings()
    configure_logging_of(settings)
    redis = connect(settings.redis_url.get_secret_value())
    app = create_app(
        settings,
        database=Database(
            settings.sqlalchemy_url,
            connections=CONNECTIONS,
            application="fixative-api",
            patience=PATIENCE_SECONDS,
        ),
        publisher=Publisher(settings),
        redis=redis,
        bucket=Bucket(settings),
        replicate=Replicate(
            settings.replicate_base_url,
            settings.replicate_api_token.get_secret_value(),
            reads=pace_of(Shared(redis), settings, "reads"),
        ),
    )
except WrongSetting as error:
    print(error, file=sys.stderr)  # noqa: T201 - there may be no logging yet
    sys.exit(APP_LOAD_ERROR)

gc.freeze()  # shared with the workers, and looked at by no collection, not the exit's either
