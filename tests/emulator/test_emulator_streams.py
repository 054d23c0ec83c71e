"""Streams: a prediction's output and logs as server-sent events, as they appear."""

import time
from collections.abc import Iterator
from itertools import islice

import httpx
import pytest

LLAMA = "meta/meta-llama-3-8b-instruct"
PICTURES = {"prompt": "a", "num_outputs": 3}


def read(lines: Iterator[str]) -> Iterator[tuple[str, str, str]]:
    """Each event's name, data and id."""
    fields: dict[str, list[str]] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields.setdefault(name.rstrip(":"), []).append(value)
        elif fields:
            yield fields["event"][0], "\n".join(fields["data"]), fields["id"][0]
            fields = {}


def events(web, prediction, last=None) -> list[tuple[str, str, str]]:
    headers = {"Last-Event-ID": last} if last else {}
    with web.stream("GET", prediction["urls"]["stream"], headers=headers, timeout=60) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        return list(read(response.iter_lines()))


def told(found, name) -> list[str]:
    return [data for event, data, _ in found if event == name]


def test_tokens_and_log_lines_come_as_the_clock_brings_them(replicate, web):
    made = replicate.create(LLAMA, {"prompt": "the sea", "max_tokens": 10, "_seconds": 2})

    moments = {}
    with web.stream("GET", made["urls"]["stream"]) as response:
        found = []
        for event in read(response.iter_lines()):
            found.append(event)
            moments[event[2]] = time.monotonic()

    done = replicate.prediction(made["id"])
    assert told(found, "output") == done["output"]
    assert "\n".join(told(found, "logs")) + "\n" == done["logs"]
    assert found[-1][:2] == ("done", "{}")
    assert [int(event_id.partition(":")[2]) for _, _, event_id in found] == list(range(len(found)))
    assert max(moments.values()) - min(moments.values()) > 0.3


def test_a_stream_is_open_from_before_the_start(replicate, web):
    made = replicate.create(LLAMA, {"prompt": "a", "_queue_seconds": 0.3, "_seconds": 0.1})
    assert made["status"] == "starting"

    assert events(web, made)[-1][:2] == ("done", "{}")


def test_a_stream_opened_late_is_the_same_from_the_start(replicate, web):
    made = replicate.create(LLAMA, {"prompt": "a"})
    early = events(web, made)

    assert events(web, made) == early


def test_whoever_comes_back_goes_on_behind_the_last_event(replicate, web):
    made = replicate.run(LLAMA, {"prompt": "a"})
    whole = events(web, made)

    assert events(web, made, last=whole[20][2]) == whole[21:]
    assert events(web, made, last="nothing of ours") == whole


def test_a_token_of_several_lines_is_put_together_again(replicate, web):
    made = replicate.run(LLAMA, {"prompt": "one\ntwo", "max_tokens": 5})

    assert told(events(web, made), "output") == ["\n\n", "On one\ntwo:", *made["output"][2:]]


def test_files_come_one_by_one_when_the_model_has_them(replicate, web):
    made = replicate.create("black-forest-labs/flux-schnell", PICTURES)

    found = events(web, made)

    urls = replicate.prediction(made["id"])["output"]
    assert (len(urls), told(found, "output")) == (3, urls)


def test_an_object_comes_as_json(replicate, web):
    made = replicate.run("emulator/echo", {"value": {"a": None}})

    assert told(events(web, made), "output") == ['{"a":null}']


def test_a_failure_is_told_and_ends_the_stream(replicate, web):
    made = replicate.create("emulator/echo", {"_error": "out of memory"})

    found = [(event, data) for event, data, _ in events(web, made) if event != "logs"]

    assert found == [("error", '{"detail":"out of memory"}'), ("done", '{"reason":"error"}')]


@pytest.mark.parametrize("queue", [0, 60])
def test_a_cancel_ends_the_stream_of_a_running_and_of_a_waiting_one(replicate, web, queue):
    made = replicate.create(LLAMA, {"prompt": "a", "_queue_seconds": queue, "_seconds": 60})

    with web.stream("GET", made["urls"]["stream"]) as response:
        replicate.post(f"/v1/predictions/{made['id']}/cancel")
        found = list(read(response.iter_lines()))

    assert found[-1][:2] == ("done", '{"reason":"canceled"}')
    assert events(web, made) == found


def test_the_address_is_the_key_and_is_gone_with_the_data(replicate, web):
    made = replicate.run(LLAMA, {"prompt": "a"})
    address = made["urls"]["stream"]

    assert "/v1/" not in address
    assert web.get(address.replace(made["id"], made["id"][::-1])).status_code == 404
    assert web.get(f"{replicate.url}/streams/{made['id']}").status_code == 404
    replicate.configure(retention_seconds=0)
    assert web.get(address).status_code == 404


def test_a_cut_stream_breaks_in_the_middle_and_a_patient_reader_gets_to_its_end(replicate, web):
    made = replicate.run(LLAMA, {"prompt": "a"})
    whole = events(web, made)
    replicate.fault("stream_cut")

    found: list[tuple[str, str, str]] = []
    cuts = 0
    while not found or found[-1][0] != "done":
        last = {"Last-Event-ID": found[-1][2]} if found else {}
        with web.stream("GET", made["urls"]["stream"], headers=last) as response:
            try:
                found.extend(read(response.iter_lines()))
            except httpx.RemoteProtocolError:
                cuts += 1

    assert found == whole
    assert cuts > 3


def test_a_model_may_have_no_stream(replicate):
    replicate.fault("stream_gone")

    assert "stream" not in replicate.create(LLAMA, {"prompt": "a"})["urls"]


def test_a_stream_is_counted_without_its_key(replicate, web):
    made = replicate.run(LLAMA, {"prompt": "a"})
    events(web, made)

    assert replicate.stats()["requests"]["GET /streams/{key} 200"] == 1
    web.put(made["urls"]["stream"])
    web.get(f"{made['urls']['stream']}/more")
    assert made["urls"]["stream"].rpartition("/")[2] not in str(replicate.stats())


def test_a_reader_who_leaves_is_noticed(replicate, web, eventually):
    made = replicate.create(LLAMA, {"prompt": "a", "_queue_seconds": 60})

    with web.stream("GET", made["urls"]["stream"]):
        assert "GET /streams/{key} 200" not in replicate.stats()["requests"]

    eventually(lambda: replicate.stats()["requests"].get("GET /streams/{key} 200"))


def test_a_reset_ends_the_streams_of_what_is_forgotten(replicate, web):
    made = replicate.create(LLAMA, {"prompt": "a", "_queue_seconds": 60})

    with web.stream("GET", made["urls"]["stream"]) as response:
        replicate.post("/_emulator/reset")
        assert list(islice(response.iter_lines(), 1)) == []


def test_tokens_inside_an_object_do_not_grow(replicate, web):
    replicate.configure(models={LLAMA: {"wraps": True}})
    made = replicate.create(LLAMA, {"prompt": "a", "max_tokens": 4, "_seconds": 2})

    assert replicate.prediction(made["id"])["output"] is None
    assert len(told(events(web, made), "output")) == 1
