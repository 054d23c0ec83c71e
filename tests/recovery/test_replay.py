"""Replay: a database that lost its jobs has them again, and what is there stays as it is."""

import json
import threading
import uuid
from datetime import date
from decimal import Decimal

import pytest
from redis import Redis
from sqlalchemy import delete, func, insert, select, update

from fixative.errors import Corrupt, RecordRefused
from fixative.jobs.delete import delete_job
from fixative.jobs.store import error_of, get_job, move
from fixative.media.manifest import as_json, manifest_of
from fixative.media.reader import HashingReader
from fixative.media.view import job_view
from fixative.postgres.media_tables import Media
from fixative.postgres.tables import ApiKey, Attempt, Delivery, Job, Owner, Transition
from fixative.recovery.replay_find import Chosen
from fixative.recovery.replay_foreign import NAMESPACE
from fixative.recovery.replay_tombstones import FEW, Tombstones
from fixative.settings import load_settings
from worker.services import Services

SCRAPED = {
    "job_id": "1754541721.120277",
    "job": {
        "id": "1754541721.120277",
        "prompt": "Extract organization data from the following HTML...",
        "format": {"type": "object", "properties": {"organizations": {"type": "array"}}},
        "provider_config": {"model": "gpt-4", "temperature": 0.3},
        "metadata": {"scraper_id": "freshtrak", "source_url": "https://example.com/pantries"},
        "created_at": "2025-08-07T10:15:21.120277+00:00",
    },
    "result": {"organizations": [{"name": "Community Food Pantry", "phone": "(937) 555-0123"}]},
    "error": None,
    "completed_at": "2025-08-07T10:15:25.543210+00:00",
    "processing_time": 4.423,
    "retry_count": 0,
}
STANDARDIZED = {
    "job_id": "f0b82a5e-a792-470b-8c91-0657e1423dd9",
    "job": {
        "id": "f0b82a5e-a792-470b-8c91-0657e1423dd9",
        "prompt": "Standardize the following organization data...",
        "format": {"type": "object"},
        "provider_config": {"temperature": 0.7, "model": "claude-3-sonnet"},
        "metadata": {"processing_stage": "standardization"},
        "created_at": "2025-08-07T11:30:20.394449+00:00",
    },
    "result": {
        "text": "Standardized organization data...",
        "model": "claude-3-sonnet",
        "usage": {"total_tokens": 1500},
    },
    "error": None,
    "completed_at": "2025-08-07T11:30:22.123456+00:00",
    "processing_time": 1.729,
    "retry_count": 0,
}


@pytest.fixture
def whole(database):
    """All that the database knows of a job, without what replay adds to it."""

    def read(job_id):
        with database.begin() as session:
            told = json.loads(as_json(manifest_of(session, get_job(session, job_id))))
        told["job"].pop("provenance")
        for row in told["transitions"]:
            row.pop("id")
        return told

    return read


@pytest.fixture
def seen(database, settings):
    """The job as GET /jobs/ID shows it."""

    def read(job_id):
        with database.begin() as session:
            job = get_job(session, job_id)
            attempt = session.get(Attempt, job.attempt_id)
            return job_view(
                job,
                attempt,
                [],
                [],
                address=str,
                allowed=settings.allowed_output_hosts,
                kept_days=None,
            )

    return read


@pytest.fixture
def redis(servers):
    with Redis.from_url(servers["REDIS_URL"]) as client:
        yield client


@pytest.fixture
def recorded(output_dir):
    """Put a record of another system into OUTPUT_DIR."""

    def write(record, folder="daily/2025-08-07/processed"):
        path = output_dir / folder / f"{record['job_id']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=2))
        return path

    return write


def test_an_emptied_database_has_the_same_jobs_again(ran, whole, forgotten, replay):
    told = {"webhook": "https://app.example.com/hook", "webhook_events": ["waiting", "completed"]}
    job_id = ran(metadata={"of": "the caller"}, label="blue", input={"prompt": "猫"}, **told)
    before = whole(job_id)
    forgotten()

    assert replay() == ["replayed"]

    assert whole(job_id) == before
    assert {row["role"] for row in before["media"]} >= {"original", "thumbnail"}


def test_a_second_replay_changes_nothing(database, ran, whole, forgotten, replay, read_job):
    job_id = ran()
    forgotten()
    replay()
    before, row = whole(job_id), read_job(job_id)

    assert replay() == ["already there"]

    assert whole(job_id) == before
    after = read_job(job_id)
    assert (after.updated_at, after.provenance) == (row.updated_at, row.provenance)


def test_nothing_is_to_be_stored_submitted_or_recorded_of_what_was_replayed(
    ran, forgotten, replay, read_job, services, processed
):
    job_id = ran()
    written = processed(job_id).stat().st_mtime_ns
    forgotten()
    replay()
    services.recorder.record(job_id)
    assert services.records.record_accepted() == 0
    assert processed(job_id).stat().st_mtime_ns == written

    job = read_job(job_id)
    assert (job.status, job.derive_due_at, job.record_due_at) == ("succeeded", None, None)
    assert services.purger.purge() == 0


def asked_of(emulator):
    """All that Replicate's API was asked for, and its bill."""
    told = emulator.get("/_emulator/stats").json()
    asked = {route: n for route, n in told["requests"].items() if "/v1/" in route}
    return asked, told["creates"], told["bill"]


def test_nobody_is_notified_and_nothing_is_created_by_a_replay(
    ran, forgotten, replay, emulator, database, redis
):
    ran()
    forgotten()
    redis.flushall()
    before = asked_of(emulator)

    assert replay() == ["replayed"]
    assert replay() == ["already there"]

    assert asked_of(emulator) == before
    assert redis.dbsize() == 0  # no hint, no message
    with database.begin() as session:
        assert session.scalars(select(Delivery)).all() == []


def test_what_is_wrong_with_one_record_keeps_no_other_from_being_replayed(
    database, ran, forgotten, replay, rewritten, whole
):
    jobs = [ran() for _ in range(4)]
    before = {job_id: whole(job_id) for job_id in jobs}
    forgotten()

    def of_another(record):
        told = before[jobs[0]]["attempts"][0]
        record["fixative"]["attempts"][0] |= {
            name: told[name] for name in ("prediction_id", "prediction")
        }

    rewritten(jobs[1], of_another)
    rewritten(jobs[2], lambda record: record["fixative"].update(format=99))

    words = replay()

    assert sorted(words) == ["corrupt", "refused", "replayed", "replayed"]
    with database.begin() as session:
        back = set(session.scalars(select(Job.id)))
    assert {jobs[3]} < back < {jobs[0], jobs[1], jobs[3]}
    assert whole(jobs[3]) == before[jobs[3]]


def test_a_key_that_was_used_again_stays_with_the_later_job(
    database, ran, submit, forgotten, replay, rewritten, read_job, owner_id
):
    job_id = ran()
    rewritten(job_id, lambda record: record["fixative"]["job"].update(idempotency_key="once"))
    forgotten()
    with database.begin() as session:
        session.execute(insert(Owner).values(id=owner_id, name="tests"))
    later = submit()
    with database.begin() as session:
        used = {"idempotency_key": "once"}
        session.execute(update(Job).where(Job.id == later).values(used))

    assert replay() == ["replayed"]

    assert read_job(later).idempotency_key == "once"
    assert read_job(job_id).idempotency_key is None


def test_a_job_comes_back_with_its_cost_and_without_a_key_that_is_gone(
    services, database, ran, forgotten, replay, read_job, owner_id
):
    job_id, key_id = ran(), uuid.uuid4()
    key = {"id": key_id, "owner_id": owner_id, "prefix": "fx_a", "digest": "a", "scopes": []}
    paid = {"api_key_id": key_id, "cost": Decimal("0.003000001"), "record_due_at": func.now()}
    with database.begin() as session:
        session.execute(insert(ApiKey).values(key))
        session.execute(update(Job).where(Job.id == job_id).values(paid))
    services.recorder.record(job_id)
    forgotten()

    assert replay() == ["replayed"]

    job = read_job(job_id)
    assert (job.api_key_id, job.cost) == (None, Decimal("0.003000001"))


def test_the_bucket_s_word_on_deletions_counts_however_many_are_asked_about(services):
    buried = uuid.uuid4()
    services.bucket.put(
        services.keys.deleted(Job(id=buried)), HashingReader(iter([b"{}"])), "application/json"
    )
    others = {uuid.uuid4() for _ in range(FEW)}

    for asked in ({buried}, {buried, *others}, {buried}, others):
        tombstones = Tombstones(services.bucket, services.keys)
        assert tombstones.among(asked) == asked & {buried}
        assert tombstones.among(others) == set()
        assert tombstones.among({buried}) == {buried}


def test_the_task_replays_all_of_a_folder_and_then_names_what_was_wrong(
    services, database, recorded, output_dir
):
    (recorded(SCRAPED).parent / "a.json").write_text("{")
    recorded(STANDARDIZED)

    with pytest.raises(Corrupt, match=r"a\.json"):
        services.replayer.replay_one(str(output_dir))

    with database.begin() as session:
        assert len(session.scalars(select(Job.id)).all()) == 2


def test_a_dry_run_says_what_would_happen_and_touches_nothing(
    database, ran, forgotten, replay, recorded
):
    ran()
    forgotten()
    recorded(SCRAPED)

    assert replay(dry_run=True) == ["replayed", "replayed"]

    with database.begin() as session:
        assert session.scalars(select(Job.id)).all() == []
    assert replay() == ["replayed", "replayed"]
    assert replay(dry_run=True) == ["already there", "already there"]


def test_a_job_that_was_still_under_way_here_goes_on_as_its_record_says(
    services, database, ran, replay, read_job, attempts_of
):
    job_id = ran()
    told = attempts_of(job_id)[0].prediction
    early = {"id": told["id"], "status": "processing", "created_at": told["created_at"]}
    with database.begin() as session:  # as in a backup of some moments after the submit
        session.execute(delete(Media))
        session.execute(update(Job).values(status="processing", completed_at=None))
        session.execute(update(Attempt).values(prediction=early, prediction_status="processing"))

    assert replay() == ["updated"]

    assert read_job(job_id).status == "storing"
    services.storer.store(job_id)
    job, [attempt] = read_job(job_id), attempts_of(job_id)
    assert (job.status, attempt.prediction["status"]) == ("succeeded", "succeeded")
    with database.begin() as session:
        assert "thumbnail.jpg" in set(session.scalars(select(Media.name)))
        moves = select(Transition.cause).where(Transition.to_status == "storing")
        assert session.scalars(moves.order_by(Transition.id.desc())).first() == "replay"


def test_a_job_that_was_queued_here_is_taken_over_with_its_attempt(
    services, database, ran, replay, read_job, attempts_of
):
    job_id = ran()
    with database.begin() as session:
        session.execute(delete(Media))
        session.execute(delete(Attempt))
        session.execute(update(Job).values(status="queued", attempt_id=None, completed_at=None))

    assert replay() == ["updated"]

    services.storer.store(job_id)
    assert read_job(job_id).status == "succeeded"
    assert len(attempts_of(job_id)) == 1


def test_what_history_made_of_a_prediction_gives_way_to_the_record_of_its_job(
    ran, whole, forgotten, bootstrap, all_jobs, replay, read_job
):
    jobs = [ran(), ran()]
    before = [whole(job_id) for job_id in jobs]
    forgotten()
    bootstrap()
    strangers = [job.id for job in all_jobs()]

    assert replay() == ["replayed", "replayed"]

    assert [whole(job_id) for job_id in jobs] == before
    assert all(read_job(job_id).deleted_at for job_id in strangers)
    assert replay() == ["already there", "already there"]


def test_what_history_made_gives_way_to_a_job_that_had_lost_its_attempt(
    services, database, ran, bootstrap, all_jobs, replay, read_job
):
    job_id = ran()
    with database.begin() as session:
        session.execute(delete(Media))
        session.execute(delete(Attempt))
        session.execute(update(Job).values(status="queued", attempt_id=None, completed_at=None))
    bootstrap()
    [stranger] = {job.id for job in all_jobs()} - {job_id}

    assert replay() == ["updated"]

    assert services.storer.store(stranger) == []
    assert read_job(stranger).status == "canceled"
    assert read_job(stranger).deleted_at is not None
    services.storer.store(job_id)
    assert read_job(job_id).status == "succeeded"


def test_a_job_that_was_recorded_before_its_thumbnails_were_made_has_them_made(
    services, ran, whole, forgotten, replay, rewritten
):
    job_id = ran()
    before = whole(job_id)
    forgotten()

    def underived(record):
        media = record["fixative"]["media"]
        [original] = [row for row in media if row["role"] == "original"]
        record["fixative"]["media"] = [{**original, "details": None, "width": None, "height": None}]

    rewritten(job_id, underived)

    assert replay() == ["replayed"]

    services.deriver.derive(job_id)
    assert {row["key"] for row in whole(job_id)["media"]} == {row["key"] for row in before["media"]}


def test_what_is_known_is_never_made_poorer(database, ran, replay, rewritten, attempts_of):
    job_id = ran()
    before = attempts_of(job_id)[0].prediction

    def poorer(record):
        record["fixative"]["attempts"][0]["prediction"] |= {"logs": "", "output": None}

    rewritten(job_id, poorer)

    assert replay() == ["already there"]
    assert attempts_of(job_id)[0].prediction == before


def test_what_the_record_knows_beyond_is_added(database, ran, replay, attempts_of):
    job_id = ran()
    before = attempts_of(job_id)[0].prediction
    with database.begin() as session:
        session.execute(update(Attempt).values(prediction={**before, "logs": None}))

    assert replay() == ["updated"]
    assert attempts_of(job_id)[0].prediction == before


def test_a_deleted_job_is_not_brought_back(services, database, ran, replay, processed, forgotten):
    job_id = ran()
    path = processed(job_id)
    content = path.read_bytes()
    with database.begin() as session:
        delete_job(session, get_job(session, job_id))
    assert replay() == ["deleted"]
    services.purger.purge()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)  # from a backup

    assert replay() == ["deleted"]
    forgotten()  # the bucket still knows
    assert replay() == ["deleted"]

    with database.begin() as session:
        assert session.scalars(select(Job.id)).all() == []


def test_a_failed_job_is_named_and_not_replayed(services, database, submit, replay, forgotten):
    job_id = submit()
    with database.begin() as session:
        move(session, job_id, "failed", cause="task", error=error_of("rejected", "no such model"))
    services.recorder.record(job_id)
    forgotten()

    assert replay() == ["failed"]

    with database.begin() as session:
        assert session.scalars(select(Job.id)).all() == []


def test_a_record_of_another_system_becomes_a_text_job(database, recorded, replay, seen):
    recorded(STANDARDIZED)

    assert replay() == ["replayed"]
    assert replay() == ["already there"]

    told = seen(uuid.UUID(STANDARDIZED["job_id"]))
    assert (told["status"], told["source"], told["job_type"]) == ("succeeded", "replay", "text")
    assert told["output"] == "Standardized organization data..."
    assert (told["model"], told["metadata"]) == (
        "claude-3-sonnet",
        {"processing_stage": "standardization"},
    )
    assert told["input"]["prompt"] == "Standardize the following organization data..."
    assert told["created_at"].isoformat() == STANDARDIZED["job"]["created_at"]
    assert told["completed_at"].isoformat() == STANDARDIZED["completed_at"]
    assert told["prediction"] is None


def test_an_id_that_is_no_uuid_becomes_always_the_same_one_and_is_kept(recorded, replay, seen):
    recorded(SCRAPED, "daily/2025-08-07/scrapers/freshtrak")

    assert replay() == ["replayed"]

    told = seen(uuid.uuid5(NAMESPACE, SCRAPED["job_id"]))
    assert told["metadata"] == {**SCRAPED["job"]["metadata"], "original_id": SCRAPED["job_id"]}
    assert told["output"] == SCRAPED["result"]


def test_what_was_replayed_is_recorded_itself(services, recorded, replay, read_job, output_dir):
    recorded(SCRAPED)
    replay()
    job_id = uuid.uuid5(NAMESPACE, SCRAPED["job_id"])

    services.recorder.record(job_id)

    assert read_job(job_id).record_due_at is None
    assert (output_dir / f"daily/2025-08-07/processed/{job_id}.json").is_file()
    assert replay() == ["already there", "already there"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"error": "timed out", "result": None}, "failed"),
        ({"result": None}, "without a result"),
        ({"result": {}}, "without a result"),
        ({"completed_at": None}, "unfinished"),
    ],
)
def test_what_did_not_end_well_elsewhere_is_not_replayed(recorded, replay, change, what):
    recorded({**SCRAPED, **change})

    assert replay() == [what]


def test_records_are_chosen_by_day_and_by_name(recorded, replay, output_dir):
    path = recorded(SCRAPED)
    recorded(STANDARDIZED, "daily/2025-08-08/processed")

    assert replay(pattern="f0b82a5e*.json", dry_run=True) == ["replayed"]
    for chosen in ({"since": "2025-08-08"}, {"until": "2025-08-07"}):
        days = {name: date.fromisoformat(day) for name, day in chosen.items()}
        assert replay(dry_run=True, **days) == ["replayed"]
    loose = path.rename(output_dir / path.name)
    assert replay(loose, since=date.fromisoformat("2025-08-08")) == ["another day"]
    assert replay(loose, until=date.fromisoformat("2025-08-07")) == ["replayed"]


def test_records_in_a_bucket_are_replayed_alike(environ, servers, ran, processed, forgotten):
    address = f"s3://{servers['S3_BUCKET']}/{environ['S3_PREFIX']}-records"
    services = Services(load_settings({**environ, "OUTPUT_DIR": address}), connections=2)
    path = processed(ran())
    forgotten()
    services.store.write(f"daily/2026-01-02/processed/{path.name}", [path.read_bytes()])
    services.store.write("daily/2026-01-02/summary.json", [b"{}"])

    services.replayer.replay_one(f"{address}/daily")

    with services.database.begin() as session:
        assert session.scalars(select(func.count()).select_from(Job)).one() == 1
    services.close()


def test_a_record_in_a_bucket_that_changed_since_it_was_listed_is_refused(environ, servers):
    address = f"s3://{servers['S3_BUCKET']}/{environ['S3_PREFIX']}-records"
    services = Services(load_settings({**environ, "OUTPUT_DIR": address}), connections=2)
    services.store.write("daily/2026-01-02/processed/a.json", [b"{}"])
    [entry] = services.replayer.find(address, Chosen())

    for changed in (b"{", b'{"longer": 1}'):
        services.store.write("daily/2026-01-02/processed/a.json", [changed])
        with pytest.raises(RecordRefused, match="changed"):
            entry.load()
    services.close()


def test_many_replays_at_once_make_one_job(database, ran, forgotten, replay):
    ran()
    forgotten()
    words, together = [], threading.Barrier(8)

    def run():
        together.wait()
        words.extend(replay())

    threads = [threading.Thread(target=run) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(words) == ["already there"] * 7 + ["replayed"]
