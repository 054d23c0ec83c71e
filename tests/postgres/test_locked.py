"""A lock over all processes on a database, which the death of the one that has it ends."""

import subprocess
import sys

import pytest

from fixative.postgres.engine import Database

NUMBER = 7
HOLDER = """
import sys, time
from fixative.postgres.engine import Database
with Database(sys.argv[1], connections=1).locked(7) as mine:
    print(mine, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other(settings):
    made = Database(settings.sqlalchemy_url, connections=1)
    yield made
    made.close()


def test_one_has_it_until_its_block_ends_and_its_transactions_need_not_wait(database, other):
    with database.locked(NUMBER) as first, other.locked(NUMBER) as second:
        assert (first, second) == (True, False)
        with database.begin(), other.locked(NUMBER + 1) as another:
            assert another
    with other.locked(NUMBER) as again:
        assert again


def test_whoever_is_killed_has_it_no_more(other, settings, eventually):
    command = [sys.executable, "-c", HOLDER, settings.sqlalchemy_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "True\n"
        with other.locked(NUMBER) as mine:
            assert not mine
        process.kill()

    def free():
        with other.locked(NUMBER) as mine:
            return mine

    eventually(free)
