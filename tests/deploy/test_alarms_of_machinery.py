"""Alarms about servers, workers and the API: gone, stopped, deaf, late, slow; and there again."""

import json
import threading
import time
from datetime import timedelta

import pytest
from celery import Celery
from pydantic import SecretStr
from sqlalchemy import func, text

from fixative import names
from fixative.catalog import registry
from fixative.postgres import presence
from fixative.postgres.operation_tables import Epoch, Tick, WorkerProcess
from fixative.postgres.ticks import tick
from tests.deploy.promtool import needs_promtool
from worker.base_task import FixativeTask

pytestmark = [needs_promtool, pytest.mark.wide]
WORKERS = ("worker-io@a", "worker-store@a", "worker-derive@a")


@pytest.fixture
def statuses(app, settings):
    """Ask the API for its jobs so many times, all at once; how it answered."""

    def ask(times):
        answers = []

        def once():
            client = app.test_client()
            key = settings.fixative_admin_key.get_secret_value()
            answers.append(client.get("/jobs", headers={"X-Api-Key": key}).status_code)

        threads = [threading.Thread(target=once) for _ in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return answers

    return ask


@pytest.fixture
def appear(database):
    """Workers of these names are seen."""

    def put(*workers):
        with database.begin() as session:
            for name in workers:
                presence.appear(session, name, 1)

    return put


@pytest.fixture
def ended(database, set_rows):
    """These ticks end now."""

    def run(*ticks):
        set_rows(Tick, next_at=func.now())
        for name in ticks:
            with tick(database, name, timedelta(0), lease=timedelta(seconds=15)) as taken:
                assert taken

    return run


def test_a_postgres_that_stopped(stopped_postgres, statuses, scrape, alarmed, eventually):
    assert statuses(10) == [200] * 10
    well = scrape()
    with stopped_postgres():
        assert statuses(3) == [503] * 3
        away = scrape()
    eventually(lambda: statuses(1) == [200])
    failed = scrape()
    assert statuses(10) == [200] * 10
    again = scrape()

    alarmed("FixativePostgresAway", well, away, again)
    alarmed("FixativeApiErrors", well, failed, again)


def test_a_redis_that_nobody_finds(app_with, scrape_of, scrape, alarmed):
    elsewhere = app_with(redis_url=SecretStr("redis://127.0.0.1:1/0"))

    alarmed("FixativeRedisAway", scrape(), scrape_of(elsewhere), scrape())


def test_transactions_that_wait_for_a_lock_and_requests_that_wait_for_them(
    database, statuses, scrape, alarmed
):
    well = scrape()
    locked = threading.Event()

    def lock():
        with database.begin() as session:
            session.execute(text("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"))
            locked.set()
            session.execute(text("SELECT pg_sleep(2)"))

    locking = threading.Thread(target=lock)
    locking.start()
    assert locked.wait(60)
    assert statuses(5) == [200] * 5
    locking.join(60)
    slow = scrape()
    assert statuses(40) == [200] * 40
    again = scrape()

    alarmed("FixativeApiSlow", well, slow, again)
    alarmed("FixativeDatabaseSlow", well, slow, again)


def test_a_role_without_a_worker(database, appear, scrape, alarmed):
    appear(*WORKERS)
    well = scrape()
    with database.begin() as session:
        presence.leave(session, "worker-derive@a")
    gone = scrape()
    appear(*WORKERS)

    alarmed("FixativeWorkersGone", well, gone, scrape(), role="worker-derive")


def test_a_worker_that_hears_nothing(database, appear, set_rows, scrape, alarmed):
    appear(*WORKERS)
    with database.begin() as session:
        presence.canary_sent(session, ["worker-io@a"])
    well = scrape()
    set_rows(WorkerProcess, started_at=func.now() - timedelta(minutes=3))
    deaf = scrape()
    with database.begin() as session:
        presence.canary_heard(session, "worker-io@a")

    alarmed("FixativeWorkerDeaf", well, deaf, scrape(), worker="worker-io@a")


def test_ticks_that_do_not_end(ended, set_rows, scrape, alarmed):
    ended(names.SWEEP, names.POLL_PREDICTIONS)
    well = scrape()
    set_rows(Tick, finished_at=func.now() - timedelta(minutes=10))
    nobody_ticks = scrape()
    ended(names.SWEEP)
    nobody_polls = scrape()
    ended(names.POLL_PREDICTIONS)
    again = scrape()

    alarmed("FixativeBeatMissed", well, nobody_ticks, again)
    alarmed("FixativeTickMissed", well, nobody_polls, again, tick=names.POLL_PREDICTIONS)


def test_messages_that_were_under_way_for_minutes(services, scrape, alarmed):
    app = Celery("tests", task_cls=FixativeTask, set_as_current=False)
    app.services = lambda: services

    @app.task(name=names.DERIVE_MEDIA)
    def derive_media():
        """Do nothing: the message was under way, that is all."""

    def heard(seconds_ago):
        for _ in range(10):
            derive_media.apply(headers={"sent_at": time.time() - seconds_ago})

    heard(0)
    well = scrape()
    heard(180)
    late = scrape()
    heard(0)

    alarmed("FixativeMessagesLate", well, late, scrape(), queue=names.DERIVE)


def test_a_file_of_models_that_cannot_be_read(app_with, tmp_path, scrape_of, alarmed, monkeypatch):
    monkeypatch.setattr(registry, "LOOK_SECONDS", 0)
    file = tmp_path / "models.json"
    file.write_text(json.dumps({"models": {}}))
    app = app_with(models_config=str(file))
    well = scrape_of(app)
    file.write_text('{"models": ')
    broken = scrape_of(app)
    file.write_text(json.dumps({"models": {}}))

    alarmed("FixativeModelsConfigBroken", well, broken, scrape_of(app))


def test_a_database_that_is_older_than_its_bucket(services, set_rows, scrape, alarmed):
    services.epoch.compare()
    well = scrape()
    set_rows(Epoch, number=-1)
    assert not services.epoch.compare()
    restored = scrape()
    services.epoch.put_ahead()

    alarmed("FixativeAlarmRaised", well, restored, scrape(), alarm="database_restored")
