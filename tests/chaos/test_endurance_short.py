"""Two minutes of what `make soak-load` does for half an hour."""

import pytest

from tests.chaos.endurance import drawn, endure

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


def test_two_minutes_of_load_and_faults_ends_well_and_is_drawn(tmp_path):
    run, watch = endure(tmp_path, seconds=120, rate=1, seed=1)

    assert run.jobs["handed in"] == run.jobs["succeeded"] > 100
    assert run.deeds
    assert {"api", "worker-io"} <= watch.series("MB, ").keys()
    assert "kills and restarts" in drawn(run, watch)
