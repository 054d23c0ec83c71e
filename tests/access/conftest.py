"""The API of tests/api, on a database of these tests' own, and an issuer of tokens."""

import pytest

from tests.access.issuer import Issuer
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
