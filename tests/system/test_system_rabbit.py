"""Hints through RabbitMQ: a broker of their own, whose loss is a delay and no more."""

import pytest

from tests.system.rabbit import a_rabbit


@pytest.fixture
def rabbit(tmp_path):
    home = tmp_path / "rabbit"
    home.mkdir()
    with a_rabbit(home) as running:
        yield running


def test_jobs_are_done_and_none_is_lost_with_the_broker_and_all_its_messages(
    start, rabbit, eventually
):
    system = start(CELERY_BROKER_URL=rabbit.url)
    before = [system.submit() for _ in range(10)]
    assert {job["status"] for job in system.all_ended(before)} == {"succeeded"}
    assert system.creates_of(before) == {1}

    def queues():
        return system.api.get("/admin/state").raise_for_status().json()["queues"]

    eventually(lambda: set(queues() or ()) >= {"submit", "complete"})

    rabbit.kill()
    without = [system.submit_quickly() for _ in range(5)]
    assert queues() is None
    rabbit.start()
    ended = system.all_ended(without, patience=180)

    assert {job["status"] for job in ended} == {"succeeded"}
    assert system.creates_of(without) == {1}
    system.assert_stored(ended[0])
