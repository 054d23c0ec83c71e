"""The thinnest path: one request, one prediction, one stored file."""

from hashlib import sha256

from fixative.jobs.store import media_of
from fixative.names import STORE_OUTPUTS
from fixative.recovery.poll import ask_about


def test_a_request_becomes_a_stored_file(
    services, database, submit, emulator, eventually, read_job, attempts_of
):
    job_id = submit(job_type="image")
    services.submitter.submit(job_id)
    prediction_id = attempts_of(job_id)[0].prediction_id

    def asked_to_store():
        hints = ask_about(database, services.replicate, prediction_id)
        return [hint for hint in hints if hint.task == STORE_OUTPUTS]

    eventually(asked_to_store)
    services.storer.store(job_id)
    services.deriver.derive(job_id)

    expected = emulator.get(f"/_emulator/expected/{prediction_id}").json()
    job = read_job(job_id)
    with database.begin() as session:
        original, thumbnail, web = media_of(session, job)
    with services.bucket.get(original.key).body as body:
        assert sha256(body.read()).hexdigest() == original.sha256 == expected[0]["sha256"]
    assert (job.status, job.derive_due_at) == ("succeeded", None)
    assert original.width > 0
    assert [item.name for item in (original, thumbnail, web)] == [
        *("original.webp", "thumbnail.jpg", "web.webp")
    ]
    assert original.key.startswith(f"{services.settings.s3_prefix}/images/")
