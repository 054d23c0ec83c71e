"""Replicate's own clients, unpatched, do with Fixative what they do with Replicate."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from uuid import UUID

import httpx
import pytest
from standardwebhooks import Webhook

from fixative.jobs.short_ids import short_id
from tests.clients.conftest import OWNER

# Whoever hangs holds up all that follow.
pytestmark = [pytest.mark.timeout(300), pytest.mark.wide]
FLUX = "black-forest-labs/flux-schnell"
LLAMA = "meta/meta-llama-3-8b-instruct"
SDXL = "stability-ai/sdxl"
ECHO = "emulator/echo"
SLEEP = "emulator/sleep"


def only(*names):
    return pytest.mark.parametrize("client", names, indirect=True)


@pytest.fixture(scope="module")
def version(system):
    """The version of a model that Replicate runs by its version only."""
    url = f"{system.run['replicate_url']}/v1/models/{SDXL}"
    model = httpx.get(url, headers={"Authorization": "Bearer r8_any"}).raise_for_status().json()
    return model["latest_version"]["id"]


@pytest.fixture(scope="module")
def many(system, key):
    """More predictions than a page holds, of which Replicate never hears; their ids."""
    jobs = [{"model": ECHO, "input": {"value": number}} for number in range(120)]
    by = {"Authorization": f"Bearer {key}"}

    def post(path, body):
        answer = system.api.post(path, json=body, headers=by)
        assert answer.is_success, answer.text
        return answer.json()

    with paused(system, OWNER):
        made = post("/jobs/batch", {"jobs": jobs, "label": "many"})
        post("/jobs/cancel", {"filter": {"label": "many"}})
    return [short_id(UUID(job["id"])) for job in made["jobs"]]


@contextmanager
def paused(system, owner):
    """Nothing of the owner's is submitted for the block."""
    scope = {"owner": owner}
    system.api.post("/admin/pause", json=scope).raise_for_status()
    try:
        yield
    finally:
        system.api.delete("/admin/pause", params=scope).raise_for_status()


def test_a_run_gives_files_that_read_back_byte_for_byte(client, expected):
    files = client("run", ref=FLUX, input={"prompt": "a cat", "num_outputs": 2})

    assert len(files) == 2
    assert [file["sha256"] for file in files] == expected(files[0]["url"])
    assert all(file["url"].startswith("https://127.0.0.1:") for file in files)


def test_a_run_by_version_gives_its_file(client, version, expected):
    [file] = client("run", ref=f"{SDXL}:{version}", input={"prompt": "x", "width": 64})

    assert [file["sha256"]] == expected(file["url"])


def test_a_run_gives_text(client):
    text = "".join(client("run", ref=LLAMA, input={"prompt": "the sea", "max_tokens": 10}))

    assert text.lstrip().startswith("On the sea:")


def test_what_is_created_can_be_got_and_waited_for(client, version):
    for target in (
        {"model": ECHO},
        {"version": version},
        {"version": f"{SDXL}:{version}"},
        {"deployment": "local/fast-pictures"},
    ):
        made = client("create", input={"prompt": "x"}, **target)
        got = client("get", id=made["id"])
        ended = client("wait", id=made["id"])

        assert made["status"] == "starting"
        assert got["id"] == ended["id"] == made["id"]
        assert ended["status"] == "succeeded", ended
        assert ended["output"]


@only("python1")
def test_any_model_may_be_named_alone_and_a_version_that_is_none_fails_in_the_end(client):
    by_name = client("create", version=SDXL, input={"prompt": "x", "width": 64})
    by_nothing = client("create", version="a" * 64, input={})

    assert client("wait", id=by_name["id"])["status"] == "succeeded"
    assert client("wait", id=by_nothing["id"])["status"] == "failed"


def test_what_is_cancelled_is_canceled(client):
    made = client("create", model=SLEEP, input={"seconds": 60})

    client("cancel", id=made["id"])

    assert client("wait", id=made["id"])["status"] == "canceled"


def test_a_list_is_paged_to_its_end(client, many):
    pages = client("pages")

    ids = [id_ for page in pages for id_ in page]
    assert [len(page) for page in pages[:-1]] == [100] * (len(pages) - 1)
    assert len(pages) > 1
    assert ids == sorted(set(ids), reverse=True)  # newest first, each once
    assert set(many) <= set(ids)


@only("python1", "javascript")
def test_text_is_streamed_token_by_token(client):
    slowly = {"prompt": "the sea", "max_tokens": 12, "_seconds": 6}

    told = client("stream", ref=LLAMA, input=slowly)

    assert len(told) > 5
    assert "".join(text for _, text in told).lstrip().startswith("On the sea:")
    assert told[-1][0] - told[0][0] > 0.5


@only("python2")
def test_a_client_that_streams_by_asking_again_is_given_the_text_at_the_end(client):
    told = client("stream", ref=LLAMA, input={"prompt": "the sea", "max_tokens": 12})

    assert "".join(text for _, text in told).lstrip().startswith("On the sea:")


@only("python1", "javascript")
def test_a_files_stream_gives_the_stored_file(client, expected):
    [(_, file)] = client("stream", ref=FLUX, input={"prompt": "streamed"})

    if isinstance(file, str):  # of an address that does not say so, only the URL
        file = client("read", url=file)
    assert [file["sha256"]] == expected(file["url"])


def test_an_open_file_is_uploaded_and_arrives(client):
    file = client("run", ref=ECHO, input={}, file="a file")

    assert file["sha256"] == sha256(b"a file").hexdigest()


@only("python1", "python2")
def test_an_open_file_arrives_inline(client):
    inline = {"file_encoding_strategy": "base64"}

    file = client("run", ref=ECHO, input={}, file="a file", **inline)

    assert file["sha256"] == sha256(b"a file").hexdigest()


def test_a_webhook_is_told_and_the_clients_own_helper_takes_it(client, listener, eventually):
    url = f"{listener.url}?client={client.name}"
    made = client(
        "create",
        model=FLUX,
        input={"prompt": "told"},
        webhook=url,
        webhook_events_filter=["completed"],
    )

    def told():
        return [(h, b) for h, b in listener.told if json.loads(b)["id"] == made["id"]]

    [(headers, body)] = eventually(told)

    secret = client("secret")
    prediction = Webhook(secret).verify(body, headers)
    assert prediction["status"] == "succeeded"
    assert prediction["output"] == client("get", id=made["id"])["output"]
    if client.name == "python2":
        return  # it has no helper
    signed = {"headers": headers, "body": body.decode()}
    client("validate", **signed)
    assert "raised" in client.attempt("validate", **{**signed, "body": "{}"})


def test_what_is_refused_is_raised_as_from_replicate(client):
    nobody = client.attempt("stranger")
    nothing = client.attempt("get", id="nothing")
    unfit = client.attempt("create", model=FLUX, input={})

    assert [refused["status"] for refused in (nobody, nothing, unfit)] == [401, 404, 422]
    assert "You did not pass a valid authentication token" in nobody["said"]
    assert "prompt is required" in unfit["said"]
    own = {
        "python1": ["ReplicateError"] * 3,
        "python2": ["AuthenticationError", "NotFoundError", "UnprocessableEntityError"],
        "javascript": ["ApiError"] * 3,
    }
    raised = [refused["raised"] for refused in (nobody, nothing, unfit)]
    assert raised == own[client.name]


def test_a_model_that_fails_is_raised(client):
    failed = client.attempt("run", ref=ECHO, input={"_error": "out of paint"})

    assert "out of paint" in failed["said"]
    assert failed["raised"] == ("Error" if client.name == "javascript" else "ModelError")


def test_a_model_and_its_versions_are_found(client, version):
    assert client("model", name=SDXL) == {"name": SDXL, "versions": [version]}


def test_a_run_whose_connection_breaks_is_one_prediction(client, system, front, eventually):
    word = "run_once" if client.name == "javascript" else "run"  # with an Idempotency-Key

    def creates():
        stats = httpx.get(f"{system.run['replicate_url']}/_emulator/stats").json()
        return stats["creates"]["total"]

    before = creates()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(client.attempt, word, ref=SLEEP, input={"seconds": 6})
        eventually(lambda: creates() > before)
        front.cut()
        answer = running.result()

    assert creates() == before + 1
    if client.name == "python1":  # which never sends twice
        assert answer["raised"] in {"ReadError", "RemoteProtocolError"}
    else:
        assert "gave" in answer, answer
