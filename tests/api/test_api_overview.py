"""The overview: an owner's own last hour, and what is under way."""

import uuid

from sqlalchemy import update

from api.answer_schemas_overview import Overview
from fixative.jobs.overview import WINDOW
from fixative.postgres.tables import Job


def look(client):
    answer = client.get("/overview")
    assert answer.status_code == 200, answer.text
    return Overview.model_validate_json(answer.data)


def test_it_counts_what_became_of_the_jobs_of_the_last_hour(api, submit, told):
    ended, failed, running = submit(), submit(), submit()
    told(ended, "submitting", "storing", "succeeded")
    told(failed, "submitting", "failed")
    told(running, "submitting", "processing")

    now = look(api)

    assert (now.accepted, now.success_rate) == (3, 0.5)
    assert [(m.accepted, m.succeeded, m.failed) for m in now.minutes] == [(3, 1, 1)]
    assert [(stage.status, stage.jobs, stage.oldest) for stage in now.stages] == [
        ("processing", 1, str(running))
    ]
    assert now.p50_seconds == now.p95_seconds
    assert now.told_by == {"task": 2}


def test_it_shows_nothing_of_others_and_everything_to_the_admin(client_of, admin, submit):
    submit()

    assert look(client_of("others")).accepted == 0
    assert look(admin).accepted == 1


def test_what_is_older_than_an_hour_is_history(api, submit, database, told):
    job_id = submit()
    told(job_id, "submitting", "failed")
    with database.begin() as session:
        job = session.get_one(Job, job_id)
        older = uuid.UUID(int=job_id.int - (int(WINDOW.total_seconds() * 1000) << 80))
        same = ("owner_id", "status", "job_type", "input", "completed_at")
        session.add(Job(id=older, **{name: getattr(job, name) for name in same}))
        session.execute(update(Job).where(Job.id == job_id).values(status="canceled"))

    assert look(api).accepted == 1
    assert look(api).success_rate is None
