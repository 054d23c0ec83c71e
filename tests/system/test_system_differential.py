"""The same calls to the local Replicate and through Fixative: no difference that is not listed."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

FLUX = "black-forest-labs/flux-schnell"
LLAMA = "meta/meta-llama-3-8b-instruct"
ENDED = {"succeeded", "failed", "canceled", "aborted"}
PATIENCE = 60.0

# What is another's each time, by what stands for it. A file is at another place, a text is made
# of its prediction's id.
MASKS = (
    (re.compile(r"HERE/(_files|media)/[^\"]*"), "FILE"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)"), "INSTANT"),
    (re.compile(r"\b[0-9a-z]{26}\b"), "ID"),
    (re.compile(r"Using seed: \d+"), "SEED"),
    (re.compile(r"HERE/streams/[^\"]*|HERE/v1/(predictions|files)/ID/stream[^\"]*"), "STREAM"),
    (re.compile(r"https://replicate.com/p/ID|HERE/ui/jobs/[^\"]*"), "WEB"),
    (re.compile(r"whsec_[^\"]*"), "SECRET"),
)

# In which fields of the answers to which calls; docs/drop-in.md says why.
WORDING = ("body.title", "body.detail", "body.invalid_fields.0.description")
HELD = ("body.status", "body.completed_at", "body.metrics", "body.logs")
LISTED = {
    "waiting": HELD,  # there output that is not all stored yet, here the end
    "waiting at length": HELD,
    "in vain": HELD,  # here `starting`
    "a deployment": ("body.model",),  # here not known before the prediction is made
    "text": tuple(f"body.output.{place}" for place in range(9)),  # another one's words
    "canceled": ("body.metrics", "body.started_at", "body.logs"),  # here before it was sent
    "an unknown event": (*WORDING, "body.invalid_fields.0.type"),
    "no JSON": WORDING,
}


class Side:
    """One of the two, asked as a client asks."""

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url
        self._http = httpx.Client(
            base_url=f"{base_url}/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=90,
        )

    def __call__(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self._http.request(method, path, **request)

    def ended(self, id_: str) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            answer = self("GET", f"/predictions/{id_}")
            if answer.json()["status"] in ENDED:
                return answer
            time.sleep(0.1)
        raise AssertionError("it does not end")

    def close(self) -> None:
        self._http.close()

    def told(self, answer: httpx.Response) -> dict[str, Any]:
        """An answer, but for what is another's each time."""
        headers = ("Content-Type", "Preference-Applied", "Location")
        return {
            "status": answer.status_code,
            **{name: self.masked(answer.headers.get(name, "ABSENT")) for name in headers},
            "body": json.loads(self.masked(answer.text)),
        }

    def masked(self, text: str) -> str:
        text = text.replace(self.base_url, "HERE")
        for varying, mask in MASKS:
            text = varying.sub(mask, text)
        return text


@pytest.fixture(scope="module")
def sides(system) -> Iterator[tuple[Side, Side]]:
    """The local Replicate, and Fixative in front of it."""
    there = Side(system.run["replicate_url"], "r8_any")
    here = Side(system.run["api_url"], system.run["admin_key"])
    yield there, here
    there.close()
    here.close()


def differences(there: Any, here: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two answers are not alike; numbers with a fraction are alike."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in sorted(there.keys() | here.keys()):
            inner = f"{place}.{key}" if place else key
            yield from differences(there.get(key, "ABSENT"), here.get(key, "ABSENT"), inner)
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for index, pair in enumerate(zip(there, here, strict=True)):
            yield from differences(*pair, f"{place}.{index}")
    elif there != here and not (isinstance(there, float) and isinstance(here, float)):
        yield place, there, here


def create(path, prefer=None, cancel=False, **body):
    def run(side):
        headers = {} if prefer is None else {"Prefer": prefer}
        made = side("POST", path, json=body, headers=headers)
        yield made
        if made.is_success:
            id_ = made.json()["id"]
            if cancel:
                yield side("POST", f"/predictions/{id_}/cancel")
            yield side.ended(id_)

    return run


def call(method, path, **request):
    def run(side):
        yield side(method, path, **request)

    return run


CALLS = {
    "an official model": create(f"/models/{FLUX}/predictions", input={"prompt": "a cat"}),
    "official by version": create("/predictions", version=FLUX, input={"prompt": "a cat"}),
    "waiting": create("/predictions", "wait=30", version=FLUX, input={"prompt": "a cat"}),
    "waiting at length": create("/predictions", "wait", version=FLUX, input={"prompt": "a"}),
    "in vain": create("/predictions", "wait=1", version=FLUX, input={"prompt": "a", "_seconds": 3}),
    "any JSON": create(
        "/models/emulator/echo/predictions", input={"value": [1, None, {"a": [True, "é"]}]}
    ),
    "a deployment": create("/deployments/local/fast-pictures/predictions", input={"prompt": "x"}),
    "canceled": create(
        f"/models/{FLUX}/predictions", cancel=True, input={"prompt": "a", "_seconds": 30}
    ),
    "failing": create(f"/models/{FLUX}/predictions", input={"prompt": "a", "_error": "no paint"}),
    "text": create(f"/models/{LLAMA}/predictions", input={"prompt": "the sea", "max_tokens": 4}),
    "no such prediction": call("GET", "/predictions/aaaaaaaaaaaaaaaaaaaaaaaaaa"),
    "no such version": call("POST", "/predictions", json={"version": "no/such", "input": {}}),
    "an input that misses something": call(
        "POST", f"/models/{FLUX}/predictions", json={"input": {}}
    ),
    "a body that misses something": call("POST", "/predictions", json={"input": {}}),
    "an unknown event": call(
        "POST",
        f"/models/{FLUX}/predictions",
        json={"input": {"prompt": "x"}, "webhook_events_filter": ["x"]},
    ),
    "no JSON": call(
        "POST", "/predictions", content="{", headers={"Content-Type": "application/json"}
    ),
    "no key": call("GET", "/predictions", headers={"Authorization": ""}),
    "the secret": call("GET", "/webhooks/default/secret"),
}


def compared(there, here, listed=()):
    """What is not alike and not listed."""
    return [each for each in differences(there, here) if each[0] not in listed]


@pytest.mark.parametrize("name", CALLS)
def test_no_difference_but_those_that_are_listed(sides, name):
    there, here = ([side.told(answer) for answer in CALLS[name](side)] for side in sides)

    assert len(there) == len(here)
    for pair in zip(there, here, strict=True):
        assert compared(*pair, LISTED.get(name, ())) == []


def test_a_webhook_tells_the_same_in_the_same_format(sides, subscribers, eventually):
    def told(side):
        webhook = f"{subscribers[0].url}?side={sides.index(side)}"
        body = {
            "input": {"prompt": "a cat"},
            "webhook": webhook,
            "webhook_events_filter": ["completed"],
        }
        id_ = side("POST", f"/models/{FLUX}/predictions", json=body).json()["id"]

        def heard():
            return [told for told in subscribers[0].told if json.loads(told[1])["id"] == id_]

        [(headers, content)] = eventually(heard, patience=PATIENCE)
        assert headers["content-type"] == "application/json"
        assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= headers.keys()
        return json.loads(side.masked(content.decode()))

    there, here = map(told, sides)

    assert compared(there, here, ["webhook"]) == []


def test_a_list_has_the_same_form(sides):
    there, here = (side.told(side("GET", "/predictions")) for side in sides)

    there["body"]["results"], here["body"]["results"] = [], []
    assert compared(there, here) == []
