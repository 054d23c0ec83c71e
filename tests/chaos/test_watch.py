"""What counts as growth, and what is a death or a burst in between."""

from tests.chaos.watch import growing

FLAT = [100.0] * 40


def samples(**series):
    names = [name.replace("_", ", ") for name in series]
    return [
        (10.0 * number, dict(zip(names, figures, strict=True)))
        for number, figures in enumerate(zip(*series.values(), strict=True))
    ]


def found(**series):
    return list(growing(samples(**series)))


def test_what_stays_where_it_was_does_not_grow():
    assert found(MB_api=FLAT, files_api=FLAT, connections_postgres=FLAT) == []


def test_what_rises_to_the_end_is_named():
    rising = [100.0 + 3 * number for number in range(40)]

    assert found(MB_api=rising, files_api=FLAT) == ["MB, api grew from 144 to 204"]
    assert found(files_api=rising) == ["files, api grew from 144 to 204"]


def test_what_warms_up_in_the_first_quarter_does_not_grow():
    assert found(MB_api=[20.0] * 10 + [100.0] * 30) == []


def test_a_death_in_between_is_no_growth():
    assert found(MB_api=[100.0] * 25 + [20.0, 60.0] + [100.0] * 13) == []


def test_a_table_most_of_whose_rows_are_dead_to_the_end_is_named():
    dead = [(at, {"dead share": 0.8}) for at, _ in samples(MB_api=FLAT)]

    assert list(growing(dead)) == ["80% of a table's rows are dead"]
