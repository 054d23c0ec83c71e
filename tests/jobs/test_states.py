"""The transition table against its picture."""

import pytest

from fixative.jobs.states import NEXT, is_terminal, sources
from fixative.postgres.tables import JOB_STATUSES, TERMINAL_STATUSES


def test_every_status_has_its_row():
    assert set(NEXT) == set(JOB_STATUSES)


@pytest.mark.parametrize("status", TERMINAL_STATUSES)
def test_a_terminal_status_never_moves(status):
    assert is_terminal(status)
    assert NEXT[status] == frozenset()


def test_success_comes_from_storing_and_from_nowhere_else():
    assert sources("succeeded") == {"storing"}


def test_only_submitting_goes_back():
    assert sources("queued") == {"submitting"}
    order = {status: place for place, status in enumerate(JOB_STATUSES)}
    for status, following in NEXT.items():
        for to in following - {"queued"}:
            assert order[to] > order[status]


@pytest.mark.parametrize("status", sorted(set(JOB_STATUSES) - set(TERMINAL_STATUSES)))
def test_every_unfinished_job_can_fail_or_be_cancelled(status):
    assert {"failed", "canceled"} <= NEXT[status]
