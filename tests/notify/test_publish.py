"""Ends are published: each is told once, whoever has them published and however often."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, select, text, update

from fixative.jobs.delete import bury_jobs, delete_job
from fixative.jobs.job_query import JobQuery
from fixative.jobs.store import get_job, move, reopen
from fixative.notify import publish as publishing
from fixative.postgres.notification_tables import Notification
from fixative.postgres.tables import Job, Owner

ENDS = ["succeeded", "failed", "canceled"]


@pytest.fixture
def publish(database):
    """Publish the ends of these jobs, of all unless told otherwise."""

    def run(limit=100, source=None, before=None, **query):
        which = {"source": source, "before": before, "limit": limit}
        return publishing.publish(database, JobQuery(**query), **which)

    return run


@pytest.fixture
def owners_webhook(database, owner_id):
    """Say where the owner's jobs are told, of their ends unless told otherwise."""

    def set_(url, events=ENDS):
        with database.begin() as session:
            values = {"webhook": url, "webhook_events": events}
            session.execute(update(Owner).where(Owner.id == owner_id).values(values))

    return set_


@pytest.fixture
def brought_back(database, submit):
    """A job that ended without anybody being told."""

    def make(**request):
        job_id = submit(**request)
        with database.begin() as session:
            move(session, job_id, "failed", cause="rebuild")
        return job_id

    return make


@pytest.fixture
def waiting(database):
    """How many wait for a lock that somebody else has."""

    def count():
        waits = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
        with database.begin() as session:
            return session.scalar(text(waits))

    return count


def counts(published):
    return published.made, published.again


def test_what_recovery_brought_back_is_told_once_it_is_published(
    listener, brought_back, notifier_for, sweep, publish, notifications, read_job
):
    job_id = brought_back(webhook=listener.url)
    assert sweep(notifier_for(listener)) == 0

    assert counts(publish()) == (1, 0)
    sweep(notifier_for(listener))

    [_] = listener.told
    [told] = notifications()
    assert (told.job_id, told.event, told.at) == (job_id, "failed", read_job(job_id).completed_at)


def test_published_again_it_is_told_under_its_own_id(
    listener, ended, notifier_for, sweep, publish, time_passes
):
    ended(listener.url)
    assert counts(publish()) == (0, 0)  # it waits to be told
    sweep(notifier_for(listener))

    assert counts(publish()) == (0, 1)
    assert counts(publish()) == (0, 0)
    time_passes()
    sweep(notifier_for(listener))

    assert len({headers["webhook-id"] for headers, _ in listener.told}) == 1
    assert len(listener.told) == 2


def test_an_end_of_before_a_loss_is_told_under_the_id_it_had(
    database, listener, ended, publish, notifications
):
    ended(listener.url)
    [before] = notifications()
    with database.begin() as session:
        session.execute(delete(Notification))

    assert counts(publish()) == (1, 0)

    [after] = notifications()
    assert (after.id, after.at) == (before.id, before.at)


def test_an_end_that_an_earlier_version_told_keeps_its_id(
    database, listener, ended, publish, notifications
):
    ended(listener.url)
    by_chance = uuid.uuid4()
    with database.begin() as session:
        session.execute(update(Notification).values(id=by_chance, next_attempt_at=None))

    assert counts(publish()) == (0, 1)

    assert [one.id for one in notifications()] == [by_chance]


def test_published_by_many_at_once_each_end_has_one_row(
    database, brought_back, publish, waiting, notifications, eventually
):
    jobs = [brought_back(webhook="https://app.example.com/hook") for _ in range(10)]

    with ThreadPoolExecutor(3) as pool:
        with database.begin() as session:  # until all have begun, and know of no notification
            session.execute(select(Job.id).with_for_update())
            published = [pool.submit(publish) for _ in range(3)]
            eventually(lambda: waiting() == len(published))
        done = [one.result() for one in published]

    assert (sum(one.made for one in done), sum(one.again for one in done)) == (10, 0)
    assert sorted(one.job_id for one in notifications()) == sorted(jobs)


def test_the_owners_webhook_is_told_of_jobs_that_name_none(
    brought_back, owners_webhook, publish, notifications
):
    brought_back()
    brought_back(webhook="https://own.example.com/hook")
    owners_webhook("https://owner.example.com/hook")

    assert counts(publish()) == (2, 0)

    assert {one.origin for one in notifications()} == {
        "https://own.example.com",
        "https://owner.example.com",
    }


def test_what_has_no_address_or_is_not_wanted_or_has_not_ended_is_told_to_nobody(
    database, submit, brought_back, owners_webhook, publish, notifications
):
    brought_back()
    assert counts(publish()) == (0, 0)
    owners_webhook("https://owner.example.com/hook", ["succeeded"])
    brought_back(webhook="https://own.example.com/hook", webhook_events=["start"])
    submit(webhook="https://own.example.com/hook")
    deleted = brought_back(webhook="https://own.example.com/hook")
    with database.begin() as session:
        delete_job(session, get_job(session, deleted))

    published = publish()

    assert (counts(published), published.looked_at, notifications()) == ((0, 0), 2, [])


def test_of_a_job_that_is_being_deleted_nobody_is_told(
    database, brought_back, publish, waiting, notifications, eventually
):
    job_id = brought_back(webhook="https://own.example.com/hook")

    with ThreadPoolExecutor(1) as pool:
        with database.begin() as session:
            bury_jobs(session, Job.id == job_id)
            published = pool.submit(publish)
            eventually(lambda: published.done() or waiting())
        assert counts(published.result()) == (0, 0)
    assert notifications() == []


def test_each_end_of_a_job_that_was_retried_is_an_end_of_its_own(
    database, listener, ended, publish, notifications
):
    job_id = ended(listener.url)
    with database.begin() as session:
        reopen(session, job_id, "queued", cause="operator", detail="again")
    with database.begin() as session:
        move(session, job_id, "failed", cause="rebuild")

    assert counts(publish()) == (1, 0)

    assert [one.event for one in notifications()] == ["failed", "failed"]


def test_only_chosen_jobs_are_published(database, brought_back, publish, notifications):
    hook = "https://app.example.com/hook"
    brought_back(webhook=hook, label="other")
    replayed = brought_back(webhook=hook, label="chosen")
    brought_back(webhook=hook, label="chosen")
    with database.begin() as session:
        session.execute(update(Job).where(Job.id == replayed).values(source="replay"))

    published = publish(label="chosen", source="replay")

    assert (published.looked_at, counts(published)) == (2, (1, 0))
    assert [one.job_id for one in notifications()] == [replayed]


def test_it_goes_on_where_the_limit_was_reached(brought_back, publish, notifications):
    jobs = [brought_back(webhook="https://app.example.com/hook") for _ in range(5)]

    before, made = None, []
    for _ in range(3):
        published = publish(limit=2, before=before)
        before, made = published.last, [*made, published.made]

    assert (before, made) == (None, [2, 2, 1])
    assert {one.job_id for one in notifications()} == set(jobs)
