"""Windows of history: all of it once, the newest first, each found by the words of its hours."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from fixative.jobs.hours import windows
from fixative.postgres.base import first_id

NOW = datetime(2026, 11, 27, 16, 30, tzinfo=UTC)
ALL = uuid.UUID(int=2**128 - 1)


def hour_of(id_):
    return (id_.int >> 80) // 3_600_000


@pytest.mark.parametrize("shift", [0, 1, 7, 63, 500, 5000])
def test_every_id_is_in_one_window_and_its_hours_words_find_it(shift):
    newest = first_id(NOW + timedelta(hours=shift))

    told = list(windows(newest))

    assert told[0].last == ALL
    assert [window.last for window in told[1:]] == [window.first for window in told[:-1]]
    assert told[-1].first == uuid.UUID(int=0)
    assert told[0].first <= newest
    for window in told[:-1]:
        words = set(window.word.split(" | "))
        length = int(window.word.strip("'").split()[0])
        hours = range(
            hour_of(window.first),
            hour_of(newest) + 1 if window.last == ALL else hour_of(window.last),
        )
        assert len(hours) == length
        assert {f"'{length} {hour // length}'" for hour in hours} == words


def test_the_last_window_asks_for_no_hour():
    assert list(windows(first_id(NOW)))[-1].word == ""


def test_ids_that_begin_with_no_time_have_windows_too():
    assert next(windows(uuid.UUID(int=0))).first == uuid.UUID(int=0)
