"""Words that stand in two places, since a type checker wants them spelled out, are the same."""

from typing import get_args

from api.schemas import Scope, Status
from fixative.access.caller import SCOPES
from fixative.postgres.tables import JOB_STATUSES


def test_the_api_knows_every_status_of_a_job():
    assert get_args(Status) == JOB_STATUSES


def test_the_api_knows_every_scope_of_a_key():
    assert get_args(Scope) == SCOPES
