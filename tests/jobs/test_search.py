"""Searches for words find the newest first, wherever in history they are."""

import uuid

import pytest
from sqlalchemy import text

from fixative.jobs.job_query import JobQuery
from fixative.jobs.listing import list_jobs
from tests.databases import looked_at

HOURS = 3000  # one job each
EARLY = 1200  # of them


@pytest.fixture
def prompts(database, owner_id):
    """The words of each job, by its id; what the early ones have no later one has."""
    made = text("""
        INSERT INTO jobs (id, owner_id, status, job_type, input, completed_at)
        SELECT uuidv7(make_interval(hours => n - :hours)), :owner_id, 'succeeded', 'image',
            json_build_object('prompt', concat_ws(' ', 'common', 'word' || n,
                CASE WHEN n <= :early THEN 'early' END,
                CASE WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END,
                CASE WHEN n <= 3 THEN 'first' END)), now()
        FROM generate_series(1, :hours) AS n
        RETURNING id, input ->> 'prompt'
    """)
    with database.begin() as session:
        values = {"owner_id": owner_id, "hours": HOURS, "early": EARLY}
        prompts = {id_: prompt.split() for id_, prompt in session.execute(made, values)}
        session.execute(text("ANALYZE jobs"))
    return prompts


@pytest.fixture
def strange_id(database, owner_id):
    """The id of a job of another system, which tells no time."""
    id_ = uuid.UUID("ffffffff-ffff-4fff-8fff-ffffffffffff")
    made = text("""
        INSERT INTO jobs (id, owner_id, status, job_type, input, source, completed_at)
        VALUES (:id, :owner_id, 'succeeded', 'image', '{"prompt": "strange"}', 'replay', now())
    """)
    with database.begin() as session:
        session.execute(made, {"id": id_, "owner_id": owner_id})
    return id_


@pytest.mark.parametrize("whose", ["an owner's", "everybody's"])
@pytest.mark.parametrize(
    "words",
    ["common", "early", "early odd", "first", "first odd", "odd even", "early word2999", "nowhere"],
)
def test_a_page_has_the_newest_with_all_the_words_older_than_the_one_before(
    database, prompts, owner_id, words, whose
):
    query = JobQuery(owner_id=owner_id if whose == "an owner's" else None, words=words)
    expected = [i for i in sorted(prompts, reverse=True) if set(words.split()) <= {*prompts[i]}]
    found, before = [], None
    for _ in range(3):
        with database.begin() as session:
            page = list_jobs(session, query, before=before, limit=40)
        found += [job.id for job in page]
        before = found[-1] if found else None

    assert found == expected[:120]


def test_the_oldest_are_found_too_and_from_the_oldest_up(database, prompts, owner_id):
    query = JobQuery(owner_id=owner_id, words="early even")
    newest = sorted(i for i, prompt in prompts.items() if {"early", "even"} <= {*prompt})
    with database.begin() as session:
        page = list_jobs(session, query, before=None, after=newest[0], limit=40)

    assert [job.id for job in page] == newest[1:41][::-1]


@pytest.mark.parametrize("words", ["word7", "common word7", "nowhere", "strange"])
@pytest.mark.parametrize("whose", ["an owner's", "everybody's"])
def test_beside_records_of_another_system_a_rare_word_reads_little(
    database, prompts, strange_id, owner_id, words, whose
):
    query = JobQuery(owner_id=owner_id if whose == "an owner's" else None, words=words)
    with database.begin() as session:
        before = looked_at(session)
        found = list_jobs(session, query, before=None, limit=40)
        assert looked_at(session) - before < 400

    assert len(found) == (words != "nowhere")
