"""An export is the same whenever the content is: however it came in, and wherever it lies."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update
from uuid_utils.compat import uuid7

from fixative.media.manifest import row_of
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
            restore(session, [backwards], source="bucket")

    assert exported() == before
    assert digest_of(exported()) == digest_of(before)
    assert [json.loads(line)["id"] for line in before] == sorted(
        manifest["job"]["id"] for manifest in manifests
    )


def test_files_are_told_in_an_order_of_our_own_whatever_the_databases_is(database, ended, exported):
    ended()
    names = ["a.txt", "B.txt", "ä.txt", "c-1.txt", "c1.txt"]
    with database.begin() as session:
        media = session.scalars(select(Media)).first()
        row = {name: value for name, value in row_of(media).items() if name != "created_at"}
        for number, name in enumerate(names):
            own = {"id": uuid7(), "index": 10 + number, "name": name}
            session.execute(insert(Media).values({**row, **own}))

    told = [item["name"] for item in json.loads(exported()[0])["media"]]

    assert told == sorted(told)
    assert set(names) <= set(told)


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


def test_the_fields_told_are_those_that_the_documents_list(
    database, submit, ended, deleted, exported
):
    jobs = {"ended": ended()[0], "unfinished": submit(), "deleted": deleted()[0]}

    lines = {json.loads(line)["id"]: json.loads(line) for line in exported()}

    told = {name: lines[str(job_id)] for name, job_id in jobs.items()}
    of_every, of_ended, of_deleted = listed_in_documents()
    assert told["unfinished"].keys() == of_every.keys()
    assert told["ended"].keys() == of_every.keys() | of_ended.keys()
    assert told["deleted"].keys() == of_deleted.keys()
    assert told["ended"]["attempt"].keys() == set(of_ended["attempt"])
    assert told["ended"]["media"][0].keys() == set(of_ended["media"])


def listed_in_documents():
    """The fields by row of the table in docs/recovery.md, each with those inside of it."""
    text = Path(__file__).parents[2].joinpath("docs/recovery.md").read_text()
    table = text.partition("| of | fields |\n")[2].partition("\n\n")[0]
    rows = [" ".join(re.findall(r"`(.*?)`", line)) for line in table.splitlines()[1:]]
    found = [re.findall(r"(\w+)(?:\[?\{(.*?)\}\]?)?", row) for row in rows]
    return [{name: re.findall(r"\w+", inner) for name, inner in row} for row in found]


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
