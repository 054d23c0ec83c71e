"""`fixative models`."""

import json
from typing import Any

MODEL = {
    "id": "flux",
    "kind": "image",
    "model": "black-forest-labs/flux-schnell",
    "version": None,
    "deployment": None,
    "aliases": [],
    "price": {"per_run": None, "per_image": "0.003"},
    "estimated_seconds": 5.0,
    "max_seconds": None,
    "max_cost": None,
    "parameters": None,
    "defaults": {},
}
SAME: dict[str, Any] = {
    "model": "flux",
    "differences": [],
    "jobs": 3,
    "since": "2026-01-02T03:04:05Z",
}


def test_models_are_listed_with_their_prices(fixative: Any, fake_api: Any) -> None:
    fake_api.on("GET /models", {"items": [MODEL], "next": None})

    _, line = fixative("models", "list").stdout.splitlines()

    assert line.split()[:4] == ["flux", "image", MODEL["model"], "0.003"]
    assert json.loads(fixative("models", "list", "--json").stdout) == [MODEL]


def test_a_check_that_finds_nothing_succeeds(fixative: Any, fake_api: Any) -> None:
    fake_api.on("POST /admin/models/check", {"items": [SAME], "next": None})

    result = fixative("models", "check", "--accept")

    assert (result.exit_code, fake_api.asked[0].body) == (0, {"accept": True})
    assert "nothing" in result.stdout


def test_a_check_that_finds_drift_tells_it_and_exits_with_1(fixative: Any, fake_api: Any) -> None:
    drift = {**SAME, "differences": [{"what": "output", "detail": "text, not [file]"}]}
    fake_api.on("POST /admin/models/check", {"items": [SAME, drift], "next": None})

    result = fixative("models", "check")

    assert result.exit_code == 1
    assert "output: text, not [file]" in result.stdout
    assert fixative("models", "check", "--json").exit_code == 1
