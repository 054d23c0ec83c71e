"""A restored database: it is noticed, nothing is submitted, and recover pays for nothing twice."""

import tracemalloc
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import delete, func, insert, select, text, update

from fixative.errors import Conflict
from fixative.jobs.adopt import adopt_unknown
from fixative.jobs.ingest import ingest
from fixative.jobs.retry import retry
from fixative.jobs.states import is_terminal
from fixative.postgres.operation_tables import Epoch, Pause, WorkerProcess
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.poll import ask_about
from fixative.recovery.recover import PAGE, make_unclear, recover
from fixative.replicate.prediction import read_prediction
from fixative.settings import load_settings
from worker.services import Services


@pytest.fixture
def calling(environ):
    """Services whose predictions name their attempt in a webhook."""
    made = Services(load_settings({**environ, "FIXATIVE_PUBLIC_URL": "http://127.0.0.1:9"}), 4)
    yield made
    made.close()


@pytest.fixture
def creates(emulator):
    return lambda: emulator.get("/_emulator/stats").json()["creates"]["total"]


def forget_since_backup(database):
    """What a restore does to jobs that were queued in the backup and were submitted after it."""
    with database.begin() as session:
        session.execute(update(Job).values(status="queued", attempt_id=None))
        session.execute(delete(Attempt))
        session.execute(update(Epoch).values(number=Epoch.number - 1))


def held(database):
    with database.begin() as session:
        return session.scalar(select(Pause.scope)) == "restored"


def test_both_epochs_rise_together_while_workers_run(services, database):
    assert services.epoch.compare()
    services.epoch.raise_now()
    services.epoch.raise_now()

    with database.begin() as session:
        number = session.scalars(select(Epoch.number)).one()
    assert services.bucket.read(services.keys.config("epoch.json")) == b'{"epoch": %d}' % number
    assert number >= 3


def test_a_database_behind_its_bucket_submits_nothing_until_recover_has_run(
    services, database, submit, creates, attempts_of, emulator
):
    done, waiting = submit(), submit(input={"prompt": "a dog"})
    services.submitter.submit(done)
    services.epoch.raise_now()
    forget_since_backup(database)

    services.submitter.submit(done)
    services.submitter.submit(waiting)
    assert (creates(), held(database)) == (1, True)

    recovered = recover(database, services.replicate, services.epoch)

    assert (recovered.unclear, recovered.found) == (2, 1)
    assert not held(database)
    assert [a.outcome for a in attempts_of(done)] == ["created"]
    services.submitter.submit(done)
    services.submitter.submit(waiting)
    assert creates() == 1  # what was not found is to be proven absent first


def test_what_recover_did_not_find_is_submitted_once_its_absence_is_proven(
    services, database, submit, creates, attempts_of
):
    job_id = submit()
    services.submitter.submit(job_id)
    services.epoch.raise_now()
    forget_since_backup(database)
    with database.begin() as session:
        session.execute(update(Job).values(input={"prompt": "another cat, never sent"}))
    recover(database, services.replicate, services.epoch)

    ago = timedelta(minutes=3)
    with database.begin() as session:
        session.execute(
            update(Attempt).values(ended_at=func.now() - ago, listed_at=func.now() - ago)
        )
    adopt_unknown(database, services.replicate)
    services.submitter.submit(job_id)

    assert [a.outcome for a in attempts_of(job_id)] == ["absent", "created"]
    assert creates() == 2


def test_however_many_jobs_are_unfinished_and_however_large_little_is_held_of_them(
    services, database, owner_id
):
    many, bytes_of_each = PAGE + 1, 100_000
    with database.begin() as session:
        session.execute(
            text("""
                INSERT INTO jobs (id, owner_id, status, job_type, model, input)
                SELECT gen_random_uuid(), :owner_id, status, 'image', 'emulator/echo',
                    json_build_object('prompt', repeat('x', :bytes))
                FROM generate_series(1, :many), unnest(ARRAY['queued', 'submitting']) AS status
            """),
            {"owner_id": owner_id, "bytes": bytes_of_each, "many": many},
        )

    tracemalloc.start()
    make_unclear(database)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < many * bytes_of_each / 10
    with database.begin() as session:
        unclear = session.execute(
            select(Job.status, Attempt.outcome, Attempt.number, func.count())
            .join(Attempt, Attempt.id == Job.attempt_id)
            .group_by(Job.status, Attempt.outcome, Attempt.number)
        ).all()
    assert unclear == [("submitting", "unknown", 1, 2 * many)]
    make_unclear(database)
    with database.begin() as session:
        assert session.scalar(select(func.count()).select_from(Attempt)) == 2 * many


def test_a_webhook_that_names_a_lost_attempt_settles_what_stands_in_for_it(
    calling, database, submit, attempts_of, creates
):
    job_id = submit()
    calling.submitter.submit(job_id)
    [lost] = attempts_of(job_id)
    calling.epoch.raise_now()
    forget_since_backup(database)

    recover(database, calling.replicate, calling.epoch)

    [standing_in] = attempts_of(job_id)
    assert (standing_in.prediction_id, standing_in.outcome) == (lost.prediction_id, "created")
    with database.begin() as session:
        again = read_prediction(calling.replicate.get(lost.prediction_id))
        assert ingest(session, again, cause="webhook").job.id == job_id
    calling.submitter.submit(job_id)
    assert creates() == 1


def test_a_restore_under_the_feet_of_a_running_worker_is_noticed_before_the_next_post(
    services, database, submit, creates
):
    first, second = submit(), submit()
    services.submitter.submit(first)
    services.epoch.raise_now()
    forget_since_backup(database)

    services.submitter.submit(second)

    assert (creates(), held(database)) == (1, True)


def test_without_the_bucket_nobody_knows_so_nobody_submits(environ, submit, creates):
    nowhere = {**environ, "S3_ENDPOINT_URL": "http://127.0.0.1:9"}
    services = Services(load_settings(nowhere), connections=2)

    services.submitter.submit(submit())

    assert creates() == 0
    services.close()


def test_recover_refuses_while_workers_are_alive(services, database):
    with database.begin() as session:
        session.execute(insert(WorkerProcess).values(name="worker-io@here", pid=1))

    with pytest.raises(Conflict, match="worker-io@here"):
        recover(database, services.replicate, services.epoch)


def test_a_dump_restored_after_more_jobs_pays_for_none_of_them_twice(
    calling, database_url, database, submit, creates, attempts_of, servers
):
    jobs = [submit(input={"prompt": f"cat {number}"}) for number in range(12)]
    for job_id in jobs[:4]:
        calling.submitter.submit(job_id)
    calling.epoch.compare()
    with psycopg.connect(database_url) as connection:
        dump = _dump(connection)
    for job_id in jobs[4:]:
        calling.submitter.submit(job_id)
    calling.epoch.raise_now()
    with psycopg.connect(database_url) as connection:
        _restore(connection, dump)

    for job_id in jobs:
        calling.submitter.submit(job_id)
    recover(database, calling.replicate, calling.epoch)
    for job_id in jobs:
        calling.submitter.submit(job_id)

    assert creates() == len(jobs)
    for job_id in jobs:
        assert [a.outcome for a in attempts_of(job_id)] == ["created"]


TABLES = ("owners", "jobs", "attempts", "transitions", "deliveries", "epoch", "pauses", "workers")


def _dump(connection):
    """Every table as COPY writes it: what pg_dump does, without its program."""
    dump = {}
    for table in TABLES:
        with connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
            dump[table] = b"".join(copy)
    return dump


def _restore(connection, dump):
    connection.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
    for table, rows in dump.items():
        with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            copy.write(rows)


def test_a_retry_that_a_restore_lost_goes_on_with_the_prediction_that_was_paid_for(
    calling, database, submit, creates, attempts_of, read_job, eventually, bootstrap, emulator
):
    job_id = submit(input={"prompt": "a cat", "_fail": True})
    calling.submitter.submit(job_id)

    def ended():
        ask_about(database, calling.replicate, attempts_of(job_id)[-1].prediction_id)
        return is_terminal(read_job(job_id).status)

    eventually(ended)
    then = read_job(job_id).completed_at
    with database.begin() as session:
        retry(session, job_id, cause="api", pay_again=True)
    calling.submitter.submit(job_id)
    first, second = attempts_of(job_id)
    with database.begin() as session:  # as a backup from between the end and the retry has it
        session.execute(delete(Attempt).where(Attempt.id == second.id))
        before = {"status": "failed", "completed_at": then, "attempt_id": first.id}
        session.execute(update(Job).values(retried_after=0, **before))

    recover(database, calling.replicate, calling.epoch)
    bootstrap()

    assert [(a.id, a.outcome) for a in attempts_of(job_id)] == [
        (first.id, "created"),
        (second.id, "created"),
    ]
    assert read_job(job_id).attempt_id == second.id
    assert attempts_of(job_id)[1].prediction_id == second.prediction_id
    assert creates() == 2
    assert emulator.get("/_emulator/stats").json()["creates"]["by_status"].get("canceled") is None
