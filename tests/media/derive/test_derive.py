"""Deriving: whatever one file does, the job, its other files and other jobs are unharmed."""

import os
import sys
import tempfile
from dataclasses import replace

import pytest
from sqlalchemy import func, update

from fixative.media.bucket import Bucket
from fixative.media.derive import is_derivable
from fixative.media.workspace import ABANDONED_SECONDS, remove_abandoned, workspace
from fixative.names import DERIVE_MEDIA, RECORD_RESULT
from fixative.postgres.tables import Attempt, Job
from fixative.settings import load_settings
from tests.media import crafted as make


def derived(rows):
    return sorted(row.name for row in rows if row.role not in {"original", "output"})


def test_the_first_of_each_role_has_the_plain_name_and_the_others_their_numbers(
    services, stored, media
):
    job_id = stored(b"text", make.picture("PNG"), make.turned(6), make.sound("mp3"))

    services.deriver.derive(job_id)

    names = ["thumbnail-003.jpg", "thumbnail.jpg", "waveform.png", "web-003.webp", "web.webp"]
    assert derived(media(job_id)) == names
    by_name = {row.name: row.index for row in media(job_id)}
    assert (by_name["thumbnail.jpg"], by_name["thumbnail-003.jpg"]) == (1, 2)


def test_deriving_twice_is_deriving_once(services, database, stored, media, read_job):
    job_id = stored(make.picture("PNG"), b"\x89PNG\r\n\x1a\nno more")
    [hint] = services.deriver.derive(job_id)
    first = [(row.id, row.name, row.sha256) for row in media(job_id)]
    with database.begin() as session:
        session.execute(update(Job).values(derive_due_at=func.now()))

    services.deriver.derive(job_id)

    assert [(row.id, row.name, row.sha256) for row in media(job_id)] == first
    assert len(read_job(job_id).warnings) == 1
    assert (hint.task, hint.arguments) == (RECORD_RESULT, {"job_id": str(job_id)})


def test_one_bad_file_costs_neither_the_others_nor_the_job(services, stored, media, read_job):
    job_id = stored(make.turned(1)[:900], make.turned(1))

    services.deriver.derive(job_id)

    job = read_job(job_id)
    bad, good, *_ = media(job_id)
    assert (job.status, job.derive_due_at) == ("succeeded", None)
    assert job.warnings == ["not derived: original-001.jpg: it ends too early"]
    assert (bad.derive_error, bad.width) == ("it ends too early", None)
    assert (good.derive_error, good.width) == (None, 300)
    assert derived(media(job_id)) == ["thumbnail.jpg", "web.webp"]


def test_a_picture_that_eats_memory_is_marked_and_the_rest_goes_on(
    services, deriver_within, stored, media, read_job
):
    job_id = stored(make.flat_png(9900, 9900, depth=8, colour=6), make.turned(1))

    deriver_within(memory=400 * 2**20).derive(job_id)

    hungry, modest, *_ = media(job_id)
    assert hungry.derive_error == "decoding it takes more memory than is allowed"
    assert modest.width == 300
    assert read_job(job_id).status == "succeeded"


def test_a_sound_that_eats_time_is_marked_and_other_jobs_go_on(
    services, deriver_within, stored, media, read_job
):
    endless, other = stored(make.endless_sound()), stored(make.turned(1))

    deriver_within(seconds=0.3).derive(endless)
    services.deriver.derive(other)

    assert media(endless)[0].derive_error == "decoding it takes more than 0.3 s"
    assert (read_job(endless).status, read_job(endless).derive_due_at) == ("succeeded", None)
    assert media(other)[0].width == 300


def test_a_run_ends_in_time_and_leaves_the_rest_due(services, stored, media, read_job):
    job_id = stored(*(make.turned(number) for number in (1, 2, 3)))
    short = replace(services.deriver, run_seconds=0)

    tasks = [short.derive(job_id)[0].task for _ in range(3)]

    assert tasks == [DERIVE_MEDIA, DERIVE_MEDIA, RECORD_RESULT]
    assert all(row.details for row in media(job_id) if is_derivable(row))
    assert read_job(job_id).derive_due_at is None


def test_what_an_earlier_run_has_derived_is_not_derived_again(services, stored, media):
    job_id = stored(make.turned(1), make.turned(1))
    replace(services.deriver, run_seconds=0).derive(job_id)
    services.bucket.delete([media(job_id)[0].key])

    services.deriver.derive(job_id)

    assert [row.derive_error for row in media(job_id) if is_derivable(row)] == [None, None]


def test_a_bucket_that_is_away_puts_it_off(environ, services, stored, media, read_job):
    job_id = stored(make.turned(1))
    away = Bucket(load_settings({**environ, "S3_ENDPOINT_URL": "http://127.0.0.1:9"}))

    assert replace(services.deriver, bucket=away).derive(job_id) == []
    away.close()

    job = read_job(job_id)
    assert job.derive_due_at > job.updated_at
    assert (job.lease_until, job.warnings) == (None, None)
    assert (media(job_id)[0].details, media(job_id)[0].derive_error) == (None, None)


@pytest.mark.parametrize("program", ["/bin/false", "/nonexistent"])
def test_a_decoder_that_does_not_start_is_not_held_against_a_file(
    services, stored, media, read_job, monkeypatch, program
):
    job_id = stored(make.turned(1))
    monkeypatch.setattr(sys, "executable", program)

    assert services.deriver.derive(job_id) == []
    assert (media(job_id)[0].derive_error, read_job(job_id).lease_until) == (None, None)
    assert read_job(job_id).derive_due_at is not None


def test_an_original_that_is_lost_is_told(services, stored, media):
    job_id = stored(make.turned(1))
    services.bucket.delete([media(job_id)[0].key])

    services.deriver.derive(job_id)

    assert media(job_id)[0].derive_error == "it is not in the bucket"


def test_who_lost_the_lease_leaves_no_row(services, stored, media, database):
    job_id = stored(make.turned(1))

    class Stealing:
        def key(self, job, name):
            with database.begin() as session:
                session.execute(update(Job).values(lease_token=Job.lease_token + 1))
            return services.keys.key(job, name)

    assert replace(services.deriver, keys=Stealing()).derive(job_id) == []

    [original] = [row for row in media(job_id) if is_derivable(row)]
    assert (original.details, derived(media(job_id))) == (None, [])


def test_a_later_attempt_derives_beside_the_first(services, database, storing, server, media):
    url = server.add("later.dat", "image/jpeg", make.turned(1))
    job_id = storing("emulator/echo", input={"value": url})
    with database.begin() as session:
        session.execute(update(Attempt).values(number=2))
    services.storer.store(job_id)

    services.deriver.derive(job_id)

    assert derived(media(job_id)) == ["attempt-2/thumbnail.jpg", "attempt-2/web.webp"]


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_nothing_is_left_on_the_disk(services, stored, temporary):
    job_id = stored(make.turned(1), make.turned(1)[:900], make.sound("mp3"))

    services.deriver.derive(job_id)

    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_left_on_the_disk_goes_in_time(temporary):
    with workspace() as fresh, workspace() as old:
        os.utime(old, (0, fresh.stat().st_mtime - ABANDONED_SECONDS - 1))

        remove_abandoned()

        assert (fresh.exists(), old.exists()) == (True, False)
        old.mkdir()  # as its own block will remove it
