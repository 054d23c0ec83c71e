"""A bug has made the jobs of a day wrong, and some are gone: their records bring the day back."""

from datetime import UTC, datetime

import psycopg
import pytest

from tests.system.following import all_written, creates, run, submit_mixed

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

MORNING, DAY = 20, 80
BUG = (
    """UPDATE jobs SET status = 'failed', error = '{"code": "internal"}'
        WHERE status = 'succeeded' AND id = ANY(%s::uuid[])""",
    "UPDATE attempts SET prediction = NULL WHERE job_id = ANY(%s::uuid[])",
    "UPDATE media SET sha256 = 'wrong' WHERE job_id = ANY(%s::uuid[])",
)


def test_a_day_that_a_bug_made_wrong_is_as_it_was_and_a_second_replay_changes_nothing(
    start, follow, outside, replicate, eventually
):
    first = datetime.now(UTC).date().isoformat()
    system = start("--no-flower", **outside)
    system.all_ended(submit_mixed(system, range(MORNING)), patience=300)
    run(system, f"pg_dump '{system.run['database_url']}' --file dump.sql")
    jobs = submit_mixed(system, range(MORNING, MORNING + DAY))
    system.all_ended(jobs, patience=300)
    eventually(lambda: all_written(system), patience=300)
    digest = run(system, "fixative digest")
    with psycopg.connect(system.run["database_url"]) as connection:
        for damage in BUG:
            connection.execute(damage, [jobs[::2]])
        connection.execute("DELETE FROM jobs WHERE id = ANY(%s::uuid[])", [jobs[1::4]])
    assert run(system, "fixative digest") != digest

    days = {"2026-01-02": first, "2026-01-03": datetime.now(UTC).date().isoformat()}
    done = follow(system, "a-day-replayed", outside, instead=days)

    assert done.told["fixative digest"] == [digest]
    [dry] = [out for line, [out, *_] in done.told.items() if "--dry-run" in line]
    replays = next(v for k, v in done.told.items() if k.endswith("2026-01-03"))
    assert counted(dry, "would be replayed") > 0
    assert counted(replays[0], "replayed") > counted(dry, "would be replayed")
    assert (counted(replays[1], "replayed"), counted(replays[1], "updated")) == (0, 0)
    assert creates(replicate) == {1}
    print(f"{MORNING + DAY} jobs, {DAY} of the day: {done.seconds:.0f} s")


def counted(table, what):
    """The number in the table's row of this name."""
    [row] = [line for line in table.splitlines() if line.strip().startswith(what)]
    return int(row.split()[-1])
