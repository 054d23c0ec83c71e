"""Subscribers of a running system: one that was down hears all, one that hangs harms nobody."""

import pytest
from standardwebhooks import Webhook

JOBS = 4
TRIES = 12  # of a day, before the last


@pytest.fixture
def told_to(system):
    """Submit a job whose end is told to a subscriber; its id."""

    def submit(subscriber):
        job = {"model": "black-forest-labs/flux-schnell", "input": {"prompt": "a cat"}}
        body = {**job, "webhook": subscriber.url}
        return system.hand_in(body)

    return submit


@pytest.fixture
def notification(system):
    """The notification of a job's end as operators see it; None while there is none."""

    def read(job_id):
        found = system.api.get(f"/admin/notifications?job={job_id}").raise_for_status().json()
        return found["items"][0] if found["items"] else None

    return read


@pytest.fixture
def tried(notification, eventually):
    """The notification once it was tried so often."""

    def wait(job_id, times):
        def when_tried():
            found = notification(job_id)
            return found if found and len(found["log"]) >= times else None

        return eventually(when_tried)

    return wait


@pytest.fixture
def verified(system):
    """What a subscriber was told, once the standard library has accepted its signature."""

    def read(subscriber):
        secret = system.api.get("/webhooks/default/secret").raise_for_status().json()["key"]
        return [Webhook(secret).verify(body, headers) for headers, body in subscriber.told]

    return read


@pytest.fixture
def hangs(subscribers):
    """A subscriber that takes calls and answers none, until the test ends."""
    _, subscriber, _ = subscribers
    subscriber.hanging.set()
    yield subscriber
    subscriber.hanging.clear()
    subscriber.woken.set()


def test_a_subscriber_that_was_down_for_a_day_hears_of_the_end_once_it_is_back(
    system, subscribers, told_to, tried, notification, verified, query, eventually
):
    down, *_ = subscribers
    down.status = 503
    job_id = told_to(down)
    tried(job_id, 1)
    # The day passes: all tries but the last were in vain.
    due = "UPDATE notifications SET tries = %s, next_attempt_at = now() WHERE job_id = %s"
    query(due, TRIES - 1, job_id)
    assert tried(job_id, 2)["state"] == "pending"
    down.told.clear()
    down.status = 204
    query(due, TRIES, job_id)

    eventually(lambda: notification(job_id)["state"] == "delivered")

    [event] = verified(down)
    assert (event["type"], event["data"]["id"]) == ("job.succeeded", job_id)
    [media] = [one for one in event["data"]["media"] if one["role"] == "original"]
    assert media["url"].startswith(system.run["api_url"])


def test_a_subscriber_that_hangs_keeps_nobody_else_from_hearing(
    subscribers, hangs, told_to, notification, verified, eventually
):
    *_, listens = subscribers
    unheard = [told_to(hangs) for _ in range(JOBS)]
    eventually(hangs.reached.is_set)
    heard = {told_to(listens) for _ in range(JOBS)}

    eventually(lambda: len(listens.told) == JOBS, patience=120)
    eventually(lambda: all(notification(job_id) for job_id in unheard))

    assert {event["data"]["id"] for event in verified(listens)} == heard
    assert {notification(job_id)["state"] for job_id in unheard} == {"pending"}
    assert hangs.told == []
