"""A small storm: what `make chaos` does for long, for a minute."""

import pytest

from tests.chaos.run import storm

SEED = 7
# Only what is settled in seconds: a create of which nothing is known takes two minutes to settle.
FAULTS = {
    "webhook_dropped": 0.3,
    "webhook_doubled": 0.3,
    "create_then_500": 0.1,
    "create_then_reset": 0.1,
    "429": 0.05,
    "output_truncated": 0.05,
}


@pytest.mark.wide
@pytest.mark.timeout(420)
def test_a_small_storm_loses_nothing_pays_nothing_twice_and_keeps_every_byte(tmp_path):
    verdict = storm(tmp_path, jobs=40, seed=SEED, kill_every=3, faults=FAULTS, rest=1)

    assert verdict.violations == [], verdict.as_json()
    assert verdict.mayhem
