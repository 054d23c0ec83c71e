"""Subscribers are told what became of their jobs: signed, again while they are down, in turn."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from replicate.webhook import Webhooks, WebhookSigningSecret
from sqlalchemy import update
from standardwebhooks import Webhook

from fixative.jobs.delete import delete_job
from fixative.jobs.short_ids import short_id
from fixative.jobs.store import error_of, get_job, move
from fixative.jobs.timeline import timeline
from fixative.notify.notifications import DELAYS, NotificationQuery, replay
from fixative.notify.subscribers import FAILURES
from fixative.postgres.tables import Job, Owner


def test_a_subscriber_is_told_of_the_end_and_the_standard_library_accepts_the_signature(
    secret, listener, notifier_for, ended, sweep, notifications
):
    job_id = ended(listener.url)

    sweep(notifier_for(listener))

    [(headers, body)] = listener.told
    told = Webhook(secret()).verify(body, headers)
    assert told["type"] == "job.failed"
    assert (told["data"]["id"], told["data"]["status"]) == (str(job_id), "failed")
    [notification] = notifications()
    assert headers["webhook-id"] == str(notification.id)
    assert notification.delivered_at
    assert sweep(notifier_for(listener)) == 0


def test_who_asked_as_replicates_clients_do_is_told_of_a_prediction_in_replicates_format(
    secret, database, submit, listener, notifier_for, sweep
):
    job_id = submit(
        source="v1", webhook=listener.url, webhook_events=["failed"], webhook_format="replicate"
    )
    with database.begin() as session:
        error = error_of("model_error", "no paint")
        move(session, job_id, "failed", cause="operator", error=error)

    sweep(notifier_for(listener))

    [(headers, body)] = listener.told
    Webhooks.validate(
        headers=headers, body=body.decode(), secret=WebhookSigningSecret(key=secret())
    )
    told = json.loads(body)
    assert (told["id"], told["status"], told["error"]) == (short_id(job_id), "failed", "no paint")
    assert told["urls"]["get"] == f"https://f.test/v1/predictions/{told['id']}"
    assert "source" not in told
    assert told["created_at"].endswith("Z")


def test_only_the_events_that_were_asked_for_are_told(
    listener, notifier_for, ended, sweep, notifications
):
    ended(listener.url, "submitting", "succeeded")

    sweep(notifier_for(listener))

    assert [notification.event for notification in notifications()] == ["submitting"]


def test_a_job_that_names_nobody_is_told_to_its_owners_webhook(
    database, submit, listener, owner_id, notifications
):
    with database.begin() as session:
        session.execute(
            update(Owner)
            .where(Owner.id == owner_id)
            .values(webhook=listener.url, webhook_events=["failed", "canceled"])
        )
    job_id = submit()
    with database.begin() as session:
        move(session, job_id, "canceled", cause="operator")
    assert [(one.event, one.url) for one in notifications()] == [("canceled", listener.url)]


def test_a_subscriber_that_was_down_for_a_day_is_told_once_it_is_back(
    listener, notifier_for, ended, sweep, notifications, time_passes
):
    ended(listener.url)
    listener.status = 503
    for _ in DELAYS:
        assert sweep(notifier_for(listener)) == 1
        time_passes()
    [notification] = notifications()
    assert (notification.tries, notification.delivered_at) == (len(DELAYS), None)
    assert 23 < sum(DELAYS) / 3600 <= 24

    listener.status = 204
    sweep(notifier_for(listener))

    [notification] = notifications()
    assert notification.delivered_at
    assert {headers["webhook-id"] for headers, _ in listener.told} == {str(notification.id)}
    assert [line["status"] for line in notification.log] == [503] * len(DELAYS) + [204]


def test_after_a_day_it_is_given_up_and_an_operator_may_have_it_told_again(
    database, listener, notifier_for, ended, sweep, notifications, time_passes
):
    ended(listener.url)
    listener.status = 500
    for _ in range(len(DELAYS) + 1):
        sweep(notifier_for(listener))
        time_passes()
    [notification] = notifications()
    assert (notification.next_attempt_at, notification.delivered_at) == (None, None)

    listener.status = 200
    with database.begin() as session:
        assert replay(session, NotificationQuery(state="given_up")) == 1
    time_passes()
    sweep(notifier_for(listener))

    assert notifications()[0].delivered_at


def test_one_that_names_a_time_is_not_asked_before_it(
    listener, notifier_for, ended, sweep, notifications
):
    ended(listener.url)
    listener.status, listener.headers = 503, {"Retry-After": "3600"}

    sweep(notifier_for(listener))

    [notification] = notifications()
    told_at = datetime.fromisoformat(notification.log[0]["at"])
    assert notification.next_attempt_at - told_at > timedelta(seconds=3500)


def test_one_that_says_gone_is_not_asked_again(listener, notifier_for, ended, sweep, notifications):
    ended(listener.url)
    listener.status = 410

    sweep(notifier_for(listener))

    [notification] = notifications()
    assert (notification.next_attempt_at, notification.delivered_at) == (None, None)


def test_one_that_hangs_holds_up_no_other(
    listen, notifier_for, ended, sweep, notifications, eventually
):
    hangs, listens = listen(), listen()
    hangs.hanging.set()
    for _ in range(4):
        ended(hangs.url)
    for _ in range(8):
        ended(listens.url)
    notifier = notifier_for(hangs, listens, seconds=1.0)
    stop = threading.Event()

    def sweeping():
        while not stop.is_set():
            sweep(notifier)

    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(sweeping)
        try:
            eventually(lambda: len(listens.told) == 8)
        finally:
            stop.set()
    assert {one.url for one in notifications() if one.delivered_at} == {listens.url}


def test_one_that_never_answers_is_left_alone_and_then_tried_once(
    listener, notifier_for, ended, sweep, notifications, time_passes
):
    for _ in range(FAILURES + 2):
        ended(listener.url)
    listener.status = 500
    notifier = notifier_for(listener)
    for _ in range(FAILURES):
        sweep(notifier)
    assert len(listener.told) == FAILURES
    assert sweep(notifier) == 0  # closed, and not even hinted

    time_passes()
    sweep(notifier)
    assert len(listener.told) == FAILURES + 1

    listener.status = 200
    time_passes()
    sweep(notifier)
    assert all(one.delivered_at for one in notifications())


def test_an_address_inside_is_never_called(listener, notifier_for, ended, sweep, notifications):
    ended("http://127.0.0.1:9/hook")
    ended("https://localhost/hook")

    sweep(notifier_for(listener))

    assert [one.log[0]["status"] for one in notifications()] == [None, None]
    assert all("not" in one.log[0]["error"] for one in notifications())


def test_a_reason_for_waiting_is_told_once_if_it_was_asked_for(
    database, submit, listener, notifier_for, sweep
):
    submit(webhook=listener.url, webhook_events=["completed"])
    submit(webhook=listener.url, webhook_events=["waiting"])
    with database.begin() as session:
        session.execute(update(Job).values(waiting_reason="credit"))

    sweep(notifier_for(listener))
    sweep(notifier_for(listener))

    [(_, body)] = listener.told
    assert json.loads(body)["type"] == "job.waiting"
    assert json.loads(body)["data"]["waiting"]["reason"] == "credit"


@pytest.mark.parametrize("cause", ["replay", "rebuild"])
def test_what_comes_back_by_recovery_is_told_to_nobody(
    database, submit, listener, notifications, cause
):
    job_id = submit(webhook=listener.url)
    with database.begin() as session:
        assert move(session, job_id, "failed", cause=cause)
    assert notifications() == []


def test_of_a_deleted_job_nobody_is_told(database, listener, notifier_for, ended, sweep):
    job_id = ended(listener.url)
    with database.begin() as session:
        delete_job(session, get_job(session, job_id))

    assert sweep(notifier_for(listener)) == 0
    assert listener.told == []


def test_what_was_told_stands_in_the_timeline(database, listener, notifier_for, ended, sweep):
    job_id = ended(listener.url)
    sweep(notifier_for(listener))

    with database.begin() as session:
        items = timeline(session, get_job(session, job_id))
    [told] = [item for item in items if item["kind"] == "notification"]
    assert (told["to"], told["detail"]) == ("told", f"failed, {listener.url}: 200")
