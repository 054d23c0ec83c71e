"""Faults: each happens when it is asked for, and leaves behind what it says."""

import socket

import httpx
import pytest

ECHO = "emulator/echo"
FLUX = "/v1/models/black-forest-labs/flux-schnell/predictions"
BODY = {"input": {"prompt": "a"}}


@pytest.mark.parametrize(
    ("fault", "status"), [("401", 401), ("402", 402), ("429", 429), ("500", 500)]
)
def test_an_answer_that_refuses_creates_nothing(replicate, fault, status):
    replicate.fault(fault)

    response = replicate.post(FLUX, json=BODY)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert replicate.stats()["creates"]["total"] == 0


def test_a_read_may_fail_while_creates_work(replicate):
    replicate.fault("read_500")

    assert replicate.get("/v1/predictions").status_code == 500
    assert replicate.post(FLUX, json=BODY).status_code == 201


def test_create_then_500_leaves_a_prediction_behind(replicate):
    replicate.fault("create_then_500")

    assert replicate.post(FLUX, json=BODY).status_code == 500

    assert len(replicate.listed()) == 1


@pytest.mark.parametrize(
    ("fault", "predictions"),
    [("create_then_hang", 1), ("create_then_reset", 1), ("hang", 0), ("reset", 0)],
)
def test_a_connection_that_dies_does_not_tell_whether_a_prediction_was_created(
    replicate, fault, predictions
):
    replicate.fault(fault, hang=0.2)

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        replicate.post(FLUX, json=BODY)

    assert len(replicate.listed()) == predictions


def test_a_hanging_request_runs_into_the_callers_own_time_out(replicate):
    replicate.fault("create_then_hang", hang=3)

    with pytest.raises(httpx.ReadTimeout):
        replicate.post(FLUX, json=BODY, timeout=1)

    assert len(replicate.listed()) == 1


def test_a_late_create_is_answered_500_and_appears_afterwards(replicate, eventually):
    replicate.fault("create_late", create_late=2)

    assert replicate.post(FLUX, json=BODY).status_code == 500

    assert replicate.listed() == []
    assert len(eventually(replicate.listed)) == 1


def test_a_lagging_list_hides_what_get_finds(replicate, eventually):
    replicate.fault("list_lag", list_lag=2)

    created = replicate.post(FLUX, json=BODY).json()

    assert replicate.get(created["urls"]["get"]).status_code == 200
    assert replicate.listed() == []
    assert eventually(replicate.listed)[0]["id"] == created["id"]


def test_get_may_not_know_a_new_prediction_for_a_moment(replicate, eventually):
    replicate.fault("get_404", get_404=2)

    created = replicate.post(FLUX, json=BODY).json()

    assert replicate.get(created["urls"]["get"]).status_code == 404
    eventually(lambda: replicate.get(created["urls"]["get"]).status_code == 200)


def test_in_a_blackout_every_request_is_reset_and_the_control_panel_still_answers(replicate):
    replicate.configure(blackout_seconds=60)

    with pytest.raises(httpx.ReadError):
        replicate.get("/v1/account")
    assert replicate.get("/_emulator/stats").status_code == 200
    replicate.configure(blackout_seconds=0)
    assert replicate.get("/v1/account").status_code == 200


def test_a_refusing_emulator_takes_no_connection_until_its_time_is_over(
    replicate, emulator_url, eventually, web
):
    address = (httpx.URL(emulator_url).host, httpx.URL(emulator_url).port)
    replicate.configure(refuse_seconds=2)

    def is_refused() -> bool:
        try:
            socket.create_connection(address).close()
        except ConnectionRefusedError:
            return True
        return False

    eventually(is_refused)
    eventually(lambda: not is_refused())
    assert web.get(f"{emulator_url}/_emulator/").status_code == 200


def made_bytes(replicate, count: int) -> str:
    return replicate.run("emulator/bytes", {"bytes": count})["output"]


def test_a_gone_output_is_404_for_good(replicate, web):
    url = made_bytes(replicate, 10)
    replicate.fault("output_gone")

    assert [web.get(url).status_code for _ in range(2)] == [404, 404]


def test_a_truncated_output_ends_before_its_length(replicate, web):
    url = made_bytes(replicate, 100_000)
    replicate.fault("output_truncated")

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        web.get(url)


def test_a_cut_output_is_closed_in_order_before_its_length(replicate, web):
    url = made_bytes(replicate, 100_000)
    replicate.fault("output_cut")

    with (
        pytest.raises(httpx.RemoteProtocolError, match="received 50000 bytes, expected 100000"),
        web.stream("GET", url) as answer,
    ):
        assert sum(map(len, answer.iter_raw())) == 100_000


def test_a_slow_output_comes_whole_in_the_end(replicate, web):
    url = made_bytes(replicate, 100_001)
    quick = web.get(url)
    replicate.fault("output_slow", output_slow=0.5)

    slow = web.get(url)

    assert slow.content == quick.content
    assert slow.elapsed.total_seconds() > 0.3


def test_an_output_that_fails_once_is_there_the_second_time(replicate, web):
    url = made_bytes(replicate, 10)
    replicate.fault("output_fails_once")

    assert [web.get(url).status_code for _ in range(3)] == [503, 200, 200]


def test_the_same_seed_brings_the_same_faults(replicate):
    def pattern(seed: int) -> list[int]:
        replicate.configure(seed=seed, faults={"500": 0.5})
        return [replicate.post(FLUX, json=BODY).status_code for _ in range(20)]

    first, again, other = pattern(7), pattern(7), pattern(8)

    assert first == again
    assert first != other
    assert set(first) == {201, 500}
