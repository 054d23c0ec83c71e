"""Lists of jobs: each filter lets through what it says, by an index and not by history."""

import uuid

import pytest
from sqlalchemy import text, update

from fixative.access.owners import ensure_owner
from fixative.jobs.job_query import ENDED_BADLY, UNFINISHED, JobQuery
from fixative.jobs.listing import list_jobs
from fixative.postgres.tables import Job
from tests.databases import looked_at

MANY = 3000


@pytest.fixture
def found(database):
    """The ids that a query lets through, newest first."""

    def read(**query):
        with database.begin() as session:
            jobs = list_jobs(session, JobQuery(**query), before=None, limit=200)
        return [job.id for job in jobs]

    return read


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("lighthouse", {"fog", "sea"}),
        ("LIGHTHOUSE", {"fog", "sea"}),
        ("fog lighthouse", {"fog"}),
        ("lighthouse boat", set()),
        ("light", set()),
        ("猫", {"cat"}),
        ("3.14", {"odd"}),
        ("it's", {"odd"}),
        ("!!!", set()),
        ("' OR 1=1 --", set()),
        ("%s %(x)s :x $1 \\ \\' ''", set()),
    ],
)
def test_every_word_of_the_prompt_must_occur_whatever_is_asked_for(
    submit, found, owner_id, words, expected
):
    prompts = {
        "fog": "A lighthouse, in fog.",
        "sea": "lighthouse by the sea",
        "cat": "ein 猫",
        "odd": "it's 3.14",
    }
    jobs = {submit(input={"prompt": prompt}): name for name, prompt in prompts.items()}
    submit(input={"text": "lighthouse in fog"})

    assert {jobs[id_] for id_ in found(words=words, owner_id=owner_id)} == expected
    assert {jobs[id_] for id_ in found(words=words)} == expected


@pytest.mark.parametrize(
    "input_",
    [
        {"prompt": "fog \x00"},
        {"prompt": "fog", "other": "\ud800"},
        {"prompt": "".join(f" {n:x}" for n in range(200_000))},
        {"prompt": "x" * 5000 + " " + "y " * 9000},
        {"prompt": None},
        {"prompt": ["fog"]},
        {"prompt": {"a": 1}},
        {},
    ],
    ids=["NUL", "half a pair", "many words", "long words", "null", "list", "object", "none"],
)
def test_a_prompt_that_is_no_text_or_too_long_harms_nobody(
    database, submit, found, input_, owner_id
):
    with database.begin() as session:
        session.execute(update(Job).where(Job.id == submit()).values(input=input_))
    job_id = submit(input={"prompt": "a fog"})

    assert found(words="a fog", owner_id=owner_id) == [job_id]


def test_a_search_shows_nothing_of_another_owners(database, submit, found, owner_id):
    with database.begin() as session:
        other = ensure_owner(session, "other").id
    mine, theirs = submit(), submit(owner=other)

    assert found(words="cat", owner_id=owner_id) == [mine]
    assert found(words="cat", owner_id=other) == [theirs]
    assert found(words=str(other)) == []
    assert found(words="cat") == [theirs, mine]


def test_an_owner_is_named_or_given_by_id(database, submit, found, owner_id):
    with database.begin() as session:
        other = ensure_owner(session, "other").id
    submit()
    theirs = submit(owner=other)

    assert found(owner="other") == found(owner=str(other)) == [theirs]
    assert found(owner="nobody") == found(owner="other", owner_id=owner_id) == []


def test_what_waits_is_found_by_its_reason_or_by_any(database, submit, found):
    pace, credit, _ = jobs = [submit() for _ in range(3)]
    with database.begin() as session:
        for job_id, reason in zip(jobs, ("pace", "credit", None), strict=True):
            waits = update(Job).where(Job.id == job_id).values(waiting_reason=reason)
            session.execute(waits)

    assert found(waiting="pace") == [pace]
    assert found(waiting="any") == [credit, pace]
    assert found(waiting="any", statuses=("failed",)) == []


@pytest.fixture
def history(database, owner_id):
    """Much that has succeeded, with one word in every prompt and one in each alone."""
    made = text("""
        INSERT INTO jobs (id, owner_id, status, job_type, input, completed_at)
        SELECT uuidv7(make_interval(mins => n - :many)), :owner_id, 'succeeded', 'image',
            json_build_object('prompt', 'common word' || n), now()
        FROM generate_series(1, :many) AS n
    """)
    with database.begin() as session:
        session.execute(made, {"owner_id": owner_id, "many": MANY})
        session.execute(text("ANALYZE jobs"))


@pytest.mark.parametrize(
    "query",
    [
        {"batch_id": uuid.UUID(int=1)},
        {"words": "word7"},
        {"words": "common word7"},
        {"words": "common", "statuses": ("succeeded",)},
        {"statuses": ENDED_BADLY},
        {"statuses": ("failed",)},
        {"statuses": UNFINISHED},
        {"statuses": ("processing",)},
        {"waiting": "any"},
        {"waiting": "pace"},
    ],
    ids=str,
)
@pytest.mark.parametrize("whose", ["an owner's", "everybody's"])
def test_a_page_reads_no_more_than_it_has_to(database, history, owner_id, query, whose):
    """By Postgres's own count of the rows it looked at, also under a plan for any parameter."""
    asked = JobQuery(owner_id=owner_id if whose == "an owner's" else None, **query)
    with database.begin() as session:
        session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        session.execute(text("SET LOCAL jit = off"))
        before = looked_at(session)
        list_jobs(session, asked, before=None, limit=51)
        assert looked_at(session) - before < 400
