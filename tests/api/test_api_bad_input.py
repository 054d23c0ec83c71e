"""Bad input: the right error, the field named, and nothing written."""

import pytest

GOOD = {"model": "emu/image", "input": {"prompt": "x"}}
HEX = "0" * 64
NUL = "\0"
HALF = "\ud800"


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.fixture(autouse=True)
def _nothing_is_written(all_jobs, publisher):
    yield
    assert all_jobs() == []
    assert publisher.hints == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"not json",
        b'{"model": "emu/image", "input": {}',
        b'{"model": "emu/image", "input": {"a": NaN}}',
        b'{"model": "emu/image", "input": {"a": Infinity}}',
        b'{"model": "emu/image", "input": {"a": -Infinity}}',
        b'{"model": "emu/image", "input": {"a": "\xff"}}',
        '{"model": "emu/image", "input": {}}'.encode("utf-16"),
        b'{"model": "emu/image", "input": {}} {}',
        b'{"a": "\x00"}',
    ],
)
def test_what_is_not_json_is_400(api, refused, raw):
    refused(api.post("/jobs", data=raw, content_type="application/json"), 400)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_what_is_not_called_json_is_415(api, refused, content_type):
    refused(api.post("/jobs", data=b"{}", content_type=content_type), 415)


@pytest.mark.parametrize("raw", [b"null", b"[]", b"1", b'"text"', b'"{\\"input\\": {}}"', b"true"])
def test_json_that_is_no_object_is_422(api, refused, raw):
    problem = refused(api.post("/jobs", data=raw, content_type="application/json"), 422)

    assert problem.errors[0].msg == "the body must be an object"


@pytest.mark.parametrize(
    ("changed", "loc"),
    [
        ({"input": None}, ["input"]),
        ({"input": []}, ["input"]),
        ({"input": "text"}, ["input"]),
        ({"model": 1}, ["model"]),
        ({"model": "name"}, ["model"]),
        ({"model": "a/b/c"}, ["model"]),
        ({"model": "../b"}, ["model"]),
        ({"model": "a/b\n"}, ["model"]),
        ({"model": "a/" + "b" * 300}, ["model"]),
        ({"model": None, "version": "1"}, ["version"]),
        ({"model": None, "version": HEX + "0"}, ["version"]),
        ({"model": None, "version": "a:" + HEX}, ["version"]),
        ({"model": None, "deployment": "x"}, ["deployment"]),
        ({"job_type": ""}, ["job_type"]),
        ({"job_type": "x" * 65}, ["job_type"]),
        ({"job_type": "a/b"}, ["job_type"]),
        ({"job_type": None}, ["job_type"]),
        ({"metadata": []}, ["metadata"]),
        ({"label": 5}, ["label"]),
        ({"label": "x" * 256}, ["label"]),
        ({"priority": "urgent"}, ["priority"]),
        ({"prompt": "x"}, ["prompt"]),
        ({"webhook": "example.com"}, ["webhook"]),
        ({"webhook_events": []}, ["webhook_events"]),
        ({"cancel_after": 4}, ["cancel_after"]),
        ({"cancel_after": 86_401}, ["cancel_after"]),
        ({"cancel_after": "soon"}, ["cancel_after"]),
        ({"cache": 5}, ["cache"]),
        ({"cache": 0}, ["cache"]),
        ({"cancel_after": "60"}, ["cancel_after"]),
        ({"cancel_after": 60.5}, ["cancel_after"]),
        ({"label": NUL}, ["label"]),
        ({"input": {"a": ["x", NUL]}}, ["input", "a", 1]),
        ({"metadata": {"a" + NUL: 1}}, ["metadata", "a" + NUL]),
        ({"label": HALF}, ["label"]),
        ({"input": {"a": HALF}}, ["input", "a"]),
        ({"input": {HALF: 1}}, ["input", "?"]),
        ({"input": {"seed": 2**64}}, ["input", "seed"]),
        ({"input": {"seed": -(2**63) - 1}}, ["input", "seed"]),
        ({"input": {"seed": 10**1000}}, ["input", "seed"]),
        ({"input": nested(101)}, ["input"]),
        ({"metadata": nested(500)}, ["metadata"]),
    ],
)
def test_a_field_that_does_not_fit_is_422_and_named(api, refused, changed, loc):
    problem = refused(api.post("/jobs", json={**GOOD, **changed}), 422)

    assert [error.loc for error in problem.errors] == [loc]


@pytest.mark.parametrize(
    ("targets", "named"),
    [
        ({}, ["model", "version", "deployment"]),
        ({"model": None}, ["model", "version", "deployment"]),
        ({"model": "a/b", "version": HEX}, ["model", "version"]),
        ({"model": "a/b", "deployment": "a/b"}, ["model", "deployment"]),
    ],
)
def test_anything_but_one_target_is_422_and_names_them(api, refused, targets, named):
    problem = refused(api.post("/jobs", json={**targets, "input": {}}), 422)

    assert [error.loc for error in problem.errors] == [[target] for target in named]


def test_every_bad_field_is_named_at_once(api, refused):
    body = {"model": 1, "priority": "urgent", "colour": "red"}

    problem = refused(api.post("/jobs", json=body), 422)

    assert {error.loc[0] for error in problem.errors} == {"model", "priority", "colour", "input"}


def test_a_number_beyond_a_double_is_422(api, refused):
    raw = b'{"model": "emu/image", "input": {"a": 1e999}}'

    problem = refused(api.post("/jobs", data=raw, content_type="application/json"), 422)

    assert problem.errors[0].loc == ["input", "a"]


@pytest.mark.parametrize("raw", [b"[" * 200_000, b'{"a":' * 200_000])
def test_nesting_without_end_is_refused(api, refused, raw):
    refused(api.post("/jobs", data=raw, content_type="application/json"), 422)


def test_an_integer_of_many_thousand_digits_is_refused(api, refused):
    raw = b'{"model": "emu/image", "input": {"a": ' + b"9" * 100_000 + b"}}"

    refused(api.post("/jobs", data=raw, content_type="application/json"), 400)


@pytest.mark.parametrize("key", ["", "x" * 256, "\xe4", "a\tb"])
def test_an_idempotency_key_that_does_not_fit_is_422_and_named(api, refused, key):
    problem = refused(api.post("/jobs", json=GOOD, headers={"Idempotency-Key": key}), 422)

    assert problem.errors[0].loc == ["Idempotency-Key"]


def test_a_body_of_30_mb_is_413(api, refused):
    refused(api.post("/jobs", data=b"x" * 30 * 2**20, content_type="application/json"), 413)


def test_an_address_that_is_not_there_is_404_and_a_method_that_is_not_405(api, refused):
    refused(api.get("/nothing"), 404)
    answer = api.put("/jobs")
    refused(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) >= {"GET", "POST"}


@pytest.mark.parametrize("word", ["batch", "cancel", "retry"])
def test_a_word_in_the_place_of_an_id_is_no_job(api, refused, word):
    answer = api.get(f"/jobs/{word}")

    refused(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    assert set(api.options(f"/jobs/{word}").allow) == {"POST", "OPTIONS"}


@pytest.mark.parametrize("time", ["5", "0.5", "yesterday", "2026-01-01T00:00:00"])
def test_a_time_that_is_not_written_out_is_422_and_named(api, refused, time):
    problem = refused(api.get("/jobs", query_string={"created_after": time}), 422)

    assert problem.errors[0].loc == ["created_after"]


def test_what_nobody_foresaw_is_500_without_a_word_of_it(new_app, refused):
    class Gone:
        def begin(self):
            raise RuntimeError("secret of the house")

        check = begin

    answer = new_app(database=Gone()).test_client().get("/jobs", headers={"X-API-Key": "fx_a"})
    assert "secret" not in refused(answer, 500).detail


def test_a_request_id_is_taken_over_if_it_is_sane(api):
    assert api.get("/healthz", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"

    for strange in ("", "a b", "x" * 200, "\xe4"):
        given = api.get("/healthz", headers={"X-Request-Id": strange}).headers["X-Request-Id"]
        assert given != strange
