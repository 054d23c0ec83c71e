"""The API of tests/api, on a database of these tests' own, and an issuer of tokens."""

import pytest

from tests.access.issuer import AUDIENCE, ISSUER, Issuer
from tests.api.conftest import (  # noqa: F401 - fixtures
    _publisher,
    app,
    database,
    environ,
    new_app,
    new_key,
    refused,
    services,
    settings,
)


@pytest.fixture(scope="session")
def issuer():
    made = Issuer()
    yield made
    made.close()


@pytest.fixture(scope="session")
def guarded_by(new_app, settings):  # noqa: F811 - the fixtures
    """Put an API together that is open to keys and to an issuer's tokens."""

    def make(issuer):
        tokens = {
            "fixative_jwt_jwks_url": issuer.url,
            "fixative_jwt_audience": AUDIENCE,
            "fixative_jwt_issuer": ISSUER,
        }
        return new_app(settings.model_copy(update=tokens))

    return make


@pytest.fixture(scope="session")
def guarded(guarded_by, issuer):
    return guarded_by(issuer)
