"""A rebuild reads manifests, and compares objects with rows: what does not fit is named."""

import json
from datetime import timedelta

from fixative.media.files import Files
from fixative.media.manifest import NAME
from fixative.media.reader import HashingReader
from fixative.postgres.media_tables import File
from fixative.postgres.tables import Job

BUCKET = ("bucket",)


def test_manifests_that_cannot_be_read_are_named_and_the_others_come_back(
    ended, forgotten, rebuild, put, key_of, read_job, problems
):
    good, manifest = ended()
    key = key_of(good)
    job, media = manifest["job"], manifest["media"]
    broken = [
        *(b"", b"{", b"[]", b"\xff\xfe\x00", b"[" * 100_000, b'{"format": 1, "job": {}}'),
        {**manifest, "format": 99},
        {**manifest, "job": {**job, "status": "splendid"}},
        {**manifest, "job": {**job, "label": "half a \ud83d"}},
        {**manifest, "media": [{**media[0], "bytes": "many"}]},
        {**manifest, "media": [media[0], {"id": media[1]["id"]}]},
    ]
    forgotten()
    bad = {}
    for number, content in enumerate(broken):
        id_ = f"{str(good)[:-4]}{number:04x}"
        bad[id_] = key.replace(str(good), id_)
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        put(bad[id_], text.replace(str(good).encode(), id_.encode()))

    report = rebuild(BUCKET)

    assert read_job(good).status == "succeeded"
    assert {("bucket: unreadable", key) for key in bad.values()} <= problems(report)
    assert {("jobs: unknown", id_) for id_ in bad} <= problems(report)


def test_a_manifest_in_the_folder_of_another_job_is_refused_by_name(
    ended, forgotten, rebuild, put, key_of, problems
):
    job_id, manifest = ended()
    other = key_of(job_id).replace(str(job_id), "0190163d-8694-739b-aea5-966c26f8ad91")
    put(other, json.dumps(manifest).encode())
    forgotten()

    report = rebuild(BUCKET)

    assert ("bucket: refused", other) in problems(report)
    assert report.brought_back["bucket"] == 1


def test_a_manifest_from_before_its_job_was_derived_from_has_that_done_again(
    services, ended, forgotten, rebuild, put, key_of, digest, read_job
):
    job_id, manifest = ended()
    before, key = digest(), key_of(job_id)
    [original] = [row for row in manifest["media"] if row["role"] == "original"]
    underived = {**original, **dict.fromkeys(("details", "width", "height"))}
    put(key, json.dumps({**manifest, "media": [underived]}).encode())
    forgotten()

    report = rebuild(BUCKET)

    assert "media: unknown" not in report.counts()
    services.deriver.derive(job_id)
    assert digest() == before


def test_objects_that_are_missing_or_cut_are_named_and_their_job_is_kept(
    services, ended, forgotten, rebuild, put, key_of, read_job, problems
):
    job_id, manifest = ended()
    names = {row["role"]: row["key"] for row in manifest["media"]}
    services.bucket.delete([names["original"]])
    put(names["thumbnail"], b"cut")
    forgotten()

    report = rebuild(BUCKET)

    assert read_job(job_id).status == "succeeded"
    assert {
        ("media: missing", names["original"]),
        ("media: of another size", names["thumbnail"]),
    } <= (problems(report))


def test_uploads_that_no_job_knows_get_their_row_again(
    services, database, owner_id, forgotten, rebuild
):
    files = Files(database, services.bucket, services.keys)
    file = files.announce(owner_id, "a cat.png", "image/png")
    file = files.store(file, HashingReader(iter([b"bytes of a cat"])))
    forgotten()

    report = rebuild(BUCKET)

    with database.begin() as session:
        again = session.get_one(File, file.id)
    assert report.brought_back["uploads"] == 1
    assert (again.key, again.owner_id, again.bytes) == (file.key, file.owner_id, file.bytes)
    assert (again.name, again.content_type) == (file.name, file.content_type)
    assert abs(again.created_at - file.created_at) < timedelta(seconds=5)


def test_an_upload_by_the_name_of_a_manifest_is_no_manifest(
    services, database, owner_id, forgotten, rebuild, ended
):
    _, manifest = ended()
    files = Files(database, services.bucket, services.keys)
    file = files.announce(owner_id, NAME, "application/json")
    forged = {**manifest, "job": {**manifest["job"], "id": str(file.id)}, "attempts": []}
    files.store(file, HashingReader(iter([json.dumps(forged).encode()])))
    forgotten()

    rebuild(BUCKET)

    with database.begin() as session:
        assert session.get(Job, file.id) is None


def test_objects_of_whatever_name_are_named_and_no_more(services, put, rebuild, problems):
    no_id = "-" * 36
    names = (f"inputs/{no_id}/2026/01/01/{no_id}/x", f"images/{no_id}/2026/01/01/{no_id}/{NAME}")
    keys = [f"{services.keys.root}{name}" for name in names]
    for key in keys:
        put(key, b"{}")

    report = rebuild(BUCKET)

    assert {("objects: unknown", key) for key in keys} <= problems(report)
