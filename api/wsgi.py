"""The API as gunicorn runs it (`gunicorn --preload api.wsgi:app`).

Nothing is connected while it is built, so that it may be built before the workers are forked.
"""

import gc
import sys

from api.assembled import assembled
from fixative.errors import WrongSetting
from fixative.settings import load_settings
from fixative.telemetry.logging import configure_logging_of

APP_LOAD_ERROR = 4  # with this exit code of a worker gunicorn ends instead of starting another

try:
    settings = load_settings()
    configure_logging_of(settings)
    app = assembled(settings)
except WrongSetting as error:
    print(error, file=sys.stderr)  # noqa: T201 - there may be no logging yet
    sys.exit(APP_LOAD_ERROR)

gc.freeze()  # shared with the workers, and looked at by no collection, not the exit's either
