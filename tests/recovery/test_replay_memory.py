"""What a replay holds at once does not follow the number of records, nor much their size."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.replay import write_records

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

RECORDS, MOST_OF_MANY = 20_000, 200
LARGE, MOST_OF_A_LARGE_ONE = 90, 1000  # megabytes


@pytest.fixture
def replayed(environ):
    """What `fixative replay` prints of all records, and the megabytes that it took at most."""

    def run():
        program = Path(sys.executable).with_name("fixative")
        process = subprocess.Popen(
            [program, "replay", "--use-default-output-dir"],
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with process.stdout:
            told = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return dict(line.rsplit(maxsplit=1) for line in told.splitlines()), used.ru_maxrss / 1024

    return run


def test_twenty_thousand_records_take_no_more_than_a_page_of_them(services, output_dir, replayed):
    write_records(services, output_dir, RECORDS)

    for what in ("replayed", "already there"):
        told, megabytes = replayed()

        assert told[what] == f"{RECORDS:,}"
        print(f"{RECORDS:,} records, {what}: {megabytes:.0f} MB")
        assert megabytes < MOST_OF_MANY


@pytest.mark.parametrize("form", ["loose", "archived"])
def test_a_record_of_ninety_megabytes_takes_no_more_than_ten_times_that(
    archived, ran, rewritten, forgotten, replayed, form
):
    def large(record):
        record["fixative"]["attempts"][0]["prediction"]["output"] = "x" * LARGE * 10**6

    rewritten(ran(), large)
    forgotten()
    if form == "archived":
        archived()

    for what in ("replayed", "already there"):
        told, megabytes = replayed()

        assert told[what] == "1"
        print(f"a record of {LARGE} MB, {form}, {what}: {megabytes:.0f} MB")
        assert megabytes < MOST_OF_A_LARGE_ONE
