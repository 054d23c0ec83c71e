"""Spans of history: all of it once, the newest first, and never more at once than was seen."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from fixative.jobs.hours import spans_between
from fixative.postgres.base import first_id

NOW = datetime(2026, 11, 27, 16, 30, tzinfo=UTC)


def hours_of(span):
    length, number = map(int, span.split())
    return range(length * number, length * (number + 1))


@pytest.mark.parametrize("shift", [0, 1, 7, 63, 500, 5000])
@pytest.mark.parametrize("hours", [0, 1, 9, 100, 3000, 90_000])
def test_every_hour_is_in_one_span_and_none_is_longer_than_what_was_before_it(hours, shift):
    newest = NOW + timedelta(hours=shift)
    oldest = newest - timedelta(hours=hours)

    spans = [hours_of(span) for span in spans_between(first_id(newest), first_id(oldest))]

    covered = [hour for span in spans for hour in reversed(span)]
    assert covered == list(range(covered[0], covered[-1] - 1, -1))
    assert covered[0] == int(newest.timestamp()) // 3600
    assert covered[-1] <= int(oldest.timestamp()) // 3600 < covered[-1] + 512
    seen = 0
    for span in spans:
        assert len(span) <= max(seen, 1)
        seen += len(span)


def test_ten_years_are_some_hundred_spans():
    oldest = NOW - timedelta(days=3650)

    assert len(spans_between(first_id(NOW), first_id(oldest))) < 220


def test_ids_that_are_not_by_the_clock_have_no_spans():
    assert spans_between(uuid.UUID(int=2**127), uuid.UUID(int=0)) is None
