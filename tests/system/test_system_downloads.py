"""Downloads that are cut, truncated and slow, through every process: no file is stored wrong."""

import pytest

FILES_EACH = 6
FAULTS = {"output_truncated": 0.2, "output_cut": 0.2, "output_slow": 0.1}


@pytest.mark.parametrize("files", [60, pytest.param(300, marks=pytest.mark.soak)])
def test_every_file_comes_out_right_however_badly_it_is_served(system, files):
    system.configure(faults=FAULTS, seconds={"output_slow": 1})
    many = {"bytes": 200_000, "count": FILES_EACH}
    jobs = [system.submit("emulator/bytes", **many) for _ in range(files // FILES_EACH)]

    ended = system.all_ended(jobs)

    assert {job["status"] for job in ended} == {"succeeded"}
    assert sum(len(job["media"]) for job in ended) == files
    for job in ended:
        system.assert_stored(job)
