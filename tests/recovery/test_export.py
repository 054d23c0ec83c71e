"""An export is the same whenever the content is: however it came in, and wherever it lies."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from fixative.postgres.media_tables import Media
from fixative.postgres.tables import Job
from fixative.recovery.digest import digest_of
from fixative.recovery.export import REQUEST, export
from fixative.recovery.restore import restore

TICK = timedelta(microseconds=1)


@pytest.fixture
def exported(database):
    return lambda: list(export(database))


def test_two_databases_of_the_same_content_tell_the_same_in_whatever_order_it_came(
    database, ended, forgotten, exported
):
    manifests = [ended(metadata={"b": 1, "a": [number]})[1] for number in range(3)]
    before = exported()
    forgotten()
    with database.begin() as session:
        for manifest in reversed(manifests):
            backwards = {name: manifest[name] for name in reversed(manifest)}
            for name in ("attempts", "media"):
                backwards[name] = list(reversed(manifest[name]))
            backwards["job"]["input"] = dict(reversed(manifest["job"]["input"].items()))
            restore(session, backwards, source="bucket")

    assert exported() == before
    assert digest_of(exported()) == digest_of(before)
    assert [json.loads(line)["id"] for line in before] == sorted(
        manifest["job"]["id"] for manifest in manifests
    )


@pytest.mark.parametrize(
    "change",
    [
        update(Job).values(input={"prompt": "a caT"}),
        update(Job).values(completed_at=Job.completed_at + TICK),
        update(Media).where(Media.role == "original").values(sha256=func.reverse(Media.sha256)),
    ],
)
def test_one_changed_byte_is_another_digest(database, ended, exported, change):
    ended()
    before = digest_of(exported())

    with database.begin() as session:
        session.execute(change)

    assert digest_of(exported()) != before


def test_what_is_of_the_moment_only_is_not_told(database, ended, exported):
    ended()
    before = exported()

    with database.begin() as session:
        session.execute(
            update(Job).values(
                tries=7,
                lease_token=9,
                hinted_at=func.now(),
                updated_at=func.now(),
                large=True,
                provenance={"input": "elsewhere"},
                record_due_at=func.now(),
            )
        )

    assert exported() == before


def test_of_an_unfinished_job_its_request_is_told_wherever_it_stands(database, submit, exported):
    submit()
    [before] = exported()
    with database.begin() as session:
        session.execute(update(Job).values(status="processing", submitted_at=func.now()))

    assert exported() == [before]
    assert json.loads(before).keys() == set(REQUEST)


def test_times_are_in_utc_to_the_microsecond_and_text_is_ascii(database, submit, exported):
    submit(input={"prompt": "naïve 猫 \x00"})
    with database.begin() as session:
        session.execute(update(Job).values(created_at="2026-01-02T03:04:05+02:00"))

    [line] = exported()

    assert line.isascii()
    assert json.loads(line)["created_at"] == "2026-01-02T01:04:05.000000Z"


def test_more_jobs_than_a_page_are_told_once_each_and_in_order(submit, exported):
    made = [str(submit()) for _ in range(450)]

    assert [json.loads(line)["id"] for line in exported()] == sorted(made)


def test_the_digest_is_one_line_that_names_its_form():
    assert str(digest_of([])) == (
        "fixative-digest v1 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
