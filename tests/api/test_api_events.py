"""Event streams over HTTP: every move of an owner's jobs, in order, across any break."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from sqlalchemy import insert

from api.streams import PAGE, EventStream
from api.waiters import MOST_UNTAKEN
from api.waiting import MOST_AT_ONCE, Watcher
from fixative.jobs.moves import Which
from fixative.jobs.store import move
from fixative.postgres.tables import Transition

STEPS = ("submitting", "starting", "processing", "storing", "succeeded")


class Stream:
    """An open stream, read block by block as a client does."""

    def __init__(self, answer):
        assert (answer.status_code, answer.mimetype) == (200, "text/event-stream"), answer.text
        self.answer = answer
        self._pieces = iter(answer.response)
        self.position = None  # what the client would name as its Last-Event-ID

    def block(self):
        """The fields of the next block, a comment's none; None at the end."""
        piece = next(self._pieces, None)
        if piece is None:
            return None
        lines = piece.decode().strip("\n").split("\n")
        fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
        self.position = fields.get("id", self.position)
        return fields

    def event(self):
        """The next event's name and data; None at the end."""
        while (fields := self.block()) is not None:
            if "data" in fields:
                return fields["event"], json.loads(fields["data"])
        return None

    def statuses(self, count):
        """The jobs and statuses that the next so many events tell of."""
        events = [self.event() for _ in range(count)]
        assert [name for name, _ in events] == ["status"] * count
        return [(uuid.UUID(data["id"]), data["status"]) for _, data in events]

    def close(self):
        self.answer.close()


@pytest.fixture
def follow(api):
    """Open a stream, with some client; all are closed when the test ends."""
    with ExitStack() as closing:

        def opened(path="/events", *, by=api, **headers):
            named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
            stream = Stream(by.get(path, headers=named, buffered=False))
            closing.callback(stream.close)
            assert stream.block().keys() == {"id", "retry"}
            return stream

        yield opened


@pytest.fixture
def add_moves(database, read_job):
    """Add so many moves to a job's history."""

    def add(job_id, count):
        row = {"job_id": job_id, "cause": "task", "to_status": "starting"}
        with database.begin() as session:
            rows = [{**row, "stream": read_job(job_id).owner_id}] * count
            session.execute(insert(Transition), rows)

    return add


def test_every_move_of_a_job_is_told_and_then_its_end(follow, submit, go):
    job_id = submit()
    stream = follow(f"/jobs/{job_id}/events")
    go(job_id, *STEPS)

    name, data = stream.event()
    told = {"id": str(job_id), "status": "submitting", "from": "queued", "cause": "task"}
    assert (name, data) == ("status", {**told, "at": data["at"]})
    assert stream.statuses(4) == [(job_id, step) for step in STEPS[1:]]
    assert stream.event() == ("end", {"id": str(job_id), "status": "succeeded"})
    assert stream.event() is None


def test_an_owners_stream_tells_of_a_job_that_is_submitted_later_from_its_first_move_on(
    follow, submit, go, client_of
):
    stream = follow()
    theirs = client_of("others").post("/jobs", json={"model": "emu/image", "input": {}})
    assert theirs.status_code == 202
    job_id = submit()
    go(job_id, "submitting", "failed")

    assert stream.statuses(3) == [(job_id, s) for s in ("queued", "submitting", "failed")]


def test_a_broken_stream_goes_on_where_it_broke_with_nothing_lost_or_twice(follow, submit, go):
    stream, job_id = follow(), submit()
    go(job_id, *STEPS[:2])
    told = stream.statuses(2)
    stream.close()
    go(job_id, STEPS[2])

    again = follow(Last_Event_ID=stream.position)
    go(job_id, *STEPS[3:])

    told += again.statuses(4)
    assert told == [(job_id, step) for step in ("queued", *STEPS)]


def test_a_stream_that_breaks_before_its_first_event_loses_nothing_either(follow, submit):
    stream = follow()
    stream.close()
    job_id = submit()

    assert follow(Last_Event_ID=stream.position).statuses(1) == [(job_id, "queued")]


def test_a_move_with_a_smaller_number_that_is_committed_later_is_told_first(
    api, follow, submit, go, database
):
    slow, quick = submit(), submit()
    stream = follow()
    with database.begin() as session:
        move(session, slow, "submitting", cause="task")
        go(quick, "submitting")
        api.get(f"/jobs/{slow}", headers={"Prefer": "wait=1"})  # the watcher has looked meanwhile

    assert stream.statuses(2) == [(slow, "submitting"), (quick, "submitting")]


def test_moves_of_many_at_once_are_each_told_once_and_a_jobs_in_order(follow, submit, go, database):
    jobs = [submit() for _ in range(8)]
    stream = follow()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda job_id: go(job_id, *STEPS), jobs))

    told = []
    for _ in range(4):  # whatever breaks in between
        told += stream.statuses(10)
        stream = follow(Last_Event_ID=stream.position)
    assert len(told) == len(set(told)) == 40
    for job_id in jobs:
        assert [status for job, status in told if job == job_id] == list(STEPS)


def test_a_stream_may_begin_at_the_beginning_however_far_that_is(follow, submit, add_moves):
    job_id = submit()
    add_moves(job_id, 2 * PAGE)

    stream = follow("/events?after=0")

    assert stream.statuses(2 * PAGE + 1)[0] == (job_id, "queued")


def test_a_job_that_has_ended_has_a_short_stream(follow, submit, go):
    job_id = submit()
    go(job_id, "canceled")
    end = ("end", {"id": str(job_id), "status": "canceled"})

    from_now_on, all_of_it = (follow(f"/jobs/{job_id}/events{q}") for q in ("", "?after=0"))

    assert (from_now_on.event(), from_now_on.event()) == (end, None)
    assert all_of_it.statuses(2) == [(job_id, "queued"), (job_id, "canceled")]
    assert (all_of_it.event(), all_of_it.event()) == (end, None)
    again = follow(f"/jobs/{job_id}/events", Last_Event_ID=all_of_it.position)
    assert (again.event(), again.event()) == (end, None)


def test_the_admin_follows_everybody_or_one_owner_and_an_owner_nobody_else(
    follow, admin, client_of, submit, refused
):
    others = client_of("others")
    of_all, of_others = (follow(p, by=admin) for p in ("/events", "/events?owner=others"))
    mine = submit()
    theirs = uuid.UUID(others.post("/jobs", json={"model": "emu/image", "input": {}}).json["id"])

    assert of_all.statuses(2) == [(mine, "queued"), (theirs, "queued")]
    assert of_others.statuses(1) == [(theirs, "queued")]
    own = follow("/events?owner=others&after=0", by=others)
    assert own.statuses(1)[0][1] == "queued"
    foreign, unknown = (refused(others.get(f"/events?owner={o}"), 404) for o in ("tests", "nobody"))
    assert foreign.detail.replace("tests", "nobody") == unknown.detail


def test_a_job_of_somebody_else_or_of_nobody_has_no_stream(client_of, submit, refused):
    others = client_of("others")
    for job_id in (submit(), uuid.uuid4(), "none"):
        refused(others.get(f"/jobs/{job_id}/events"), 404)


def test_a_deleted_jobs_stream_is_gone(api, submit, go, refused):
    job_id = submit()
    go(job_id, "canceled")
    assert api.delete(f"/jobs/{job_id}").status_code == 204

    refused(api.get(f"/jobs/{job_id}/events"), 410)


@pytest.mark.parametrize("path", ["/events", "/jobs/{job_id}/events"])
@pytest.mark.parametrize("position", ["-1", "x", "1.5", str(2**63), str(2**62)])
def test_a_position_that_is_none_is_refused_by_name(api, submit, refused, path, position):
    address = path.format(job_id=submit())

    for answer, field in (
        (api.get(f"{address}?after={position}"), "after"),
        (api.get(address, headers={"Last-Event-ID": position}), "Last-Event-ID"),
    ):
        refused(answer, 422)
        assert [error["loc"] for error in answer.json["errors"]] == [[field]]


def test_where_a_client_comes_back_from_counts_more_than_where_it_began(follow, submit):
    first, second = submit(), submit()
    stream = follow("/events?after=0")
    assert stream.statuses(1) == [(first, "queued")]

    again = follow("/events?after=0", Last_Event_ID=stream.position)

    assert again.statuses(1) == [(second, "queued")]


def test_places_are_bounded_streams_are_then_503_waits_answered_at_once_and_all_given_back(
    api, follow, submit, refused
):
    streams = [follow() for _ in range(MOST_AT_ONCE)]

    answer = api.get("/events")
    refused(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    job_id = submit()
    held = api.get(f"/jobs/{job_id}", headers={"Prefer": "wait=60"})
    assert (held.status_code, "Preference-Applied" in held.headers) == (200, False)

    streams[7].close()
    streams[7].close()
    follow()
    refused(api.get("/events"), 503)


def test_what_is_refused_and_what_is_only_asked_about_takes_no_place(api, follow):
    follow()
    for _ in range(MOST_AT_ONCE):
        assert api.get(f"/jobs/{uuid.uuid4()}/events").status_code == 404
    answer = api.head("/events")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "text/event-stream", b"")

    for _ in range(MOST_AT_ONCE - 1):
        follow()


@pytest.fixture
def own_stream(database):
    """The body of a stream of everybody's moves, at a watcher of its own."""
    with ExitStack() as closing:

        def made(may_go_on=lambda: True):
            watcher = Watcher(database)
            follower = closing.enter_context(watcher.follower(Which()))
            return watcher, EventStream(
                database,
                follower,
                follower.began,
                ended=None,
                may_go_on=may_go_on,
                closing=ExitStack(),
                every_seconds=0.05,
            )

        yield made


def test_a_quiet_stream_gives_signs_of_life_until_its_key_opens_nothing_any_more(own_stream):
    good = iter([True, True, False])
    _, stream = own_stream(lambda: next(good))

    opening, *rest = list(stream)

    assert opening.startswith(b"retry: ")
    assert set(rest) == {b":\n\n"}
    assert len(rest) >= 3


def test_streams_end_when_the_process_is_to_end_and_no_other_begins(own_stream, database):
    watcher, stream = own_stream()
    pieces = iter(stream)
    assert next(pieces)

    watcher.end()

    assert list(pieces) in ([], [b":\n\n"])


def test_a_client_that_is_far_behind_is_to_come_back(follow, submit, add_moves):
    job_id, stream = submit(), follow()
    add_moves(job_id, MOST_UNTAKEN + 1)

    told = 0
    while (event := stream.event()) is not None:
        told += 1
        assert event[0] == "status"
    again = follow(Last_Event_ID=stream.position)
    again.statuses(MOST_UNTAKEN + 1 - told)
