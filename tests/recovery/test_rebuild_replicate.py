"""A rebuild takes of Replicate's history what nobody else told, and nothing that is somebody's."""

from datetime import timedelta

from sqlalchemy import func, select, update

from fixative.postgres.sync_tables import SyncRun
from fixative.postgres.tables import Job
from fixative.recovery.history_runs import Walk, open_run, take_run
from fixative.recovery.recover import recover

REPLICATE = ("replicate",)


def test_what_replicate_alone_knows_of_comes_back_as_jobs_of_history(
    forgotten, rebuild, add_history, all_jobs
):
    add_history(3)
    forgotten()

    report = rebuild()

    assert report.brought_back["replicate"] == len(all_jobs()) == 3
    assert {job.source for job in all_jobs()} == {"sync"}


def test_a_prediction_of_a_job_that_had_not_ended_is_taken_for_nobody_elses(
    database, services, submit, attempts_of, forgotten, rebuild, all_jobs, emulator
):
    job_id = submit()
    services.records.record_accepted()
    services.submitter.submit(job_id)
    [attempt] = attempts_of(job_id)
    forgotten()

    rebuild()
    recover(database, services.replicate, services.epoch)

    assert [job.id for job in all_jobs()] == [job_id]
    assert attempts_of(job_id)[0].prediction_id == attempt.prediction_id
    assert emulator.get("/_emulator/stats").json()["creates"]["total"] == 1


def test_what_history_has_made_of_a_jobs_prediction_gives_way_to_the_job_for_good(
    database, services, ended, forgotten, rebuild, digest, all_jobs, read_job
):
    job_id, _ = ended()
    before = digest()
    forgotten()
    rebuild(REPLICATE)
    [stranger] = all_jobs()

    report = rebuild()

    assert report.brought_back["bucket"] == 1
    assert read_job(job_id).status == "succeeded"
    assert read_job(stranger.id).deleted_at is not None
    services.purger.purge()
    forgotten()  # the stranger's tombstone must not take the job along
    rebuild()
    with database.begin() as session:
        kept = session.scalars(select(Job.id).where(Job.deleted_at.is_(None))).all()
    assert kept == [job_id]
    assert digest().jobs == before.jobs + 1


def test_a_reading_that_was_killed_is_gone_on_with_once_its_lease_has_run_out(
    database, forgotten, rebuild, add_history, all_jobs
):
    add_history(3)
    forgotten()
    with database.begin() as session:
        run = take_run(session, open_run(session, Walk(bootstrap=True)).id)
        ends = func.now() + timedelta(seconds=1)
        session.execute(update(SyncRun).where(SyncRun.id == run.id).values(lease_until=ends))

    report = rebuild(REPLICATE)

    assert len(all_jobs()) == 3
    assert not [p for p in report.problems if p.kind.startswith("replicate")]
