"""`fixative doctor --smoke`: one job through the API to its stored bytes, as a deploy waits for."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from fixative.cli.api_client import Api, ApiAway, ApiError, connect, is_this_machine
from fixative.cli.checks import Finding
from fixative.cli.statuses import FINAL
from fixative.settings import LOCAL_TOKEN, Settings

LOCAL_MODEL = "black-forest-labs/flux-schnell"
LABEL = "smoke"


@dataclass(frozen=True)
class Smoke:
    """The job that is tried, and for how many seconds at most."""

    model: str
    input: dict[str, Any] = field(default_factory=lambda: {"prompt": "a lighthouse"})
    patience: float = 300.0


def is_local(settings: Settings) -> bool:
    """Whether jobs go to a local Replicate, where they cost nothing."""
    token = settings.replicate_api_token.get_secret_value()
    return token == LOCAL_TOKEN or is_this_machine(settings.replicate_base_url)


def check_smoke(settings: Settings, smoke: Smoke, data_dir: Path) -> Iterator[Finding]:
    """What the job will cost, then what became of it.

    Raises WrongSetting when it is not said where the API is.
    """
    with connect(data_dir) as api:
        try:
            if not is_local(settings):
                yield Finding("Cost", None, f"{smoke.model}: {_price(api, smoke.model)}")
            yield from _tried(api, smoke, told_by_webhook=settings.webhook_url is not None)
        except (ApiAway, ApiError) as error:
            yield Finding("Smoke", False, str(error))


def _tried(api: Api, smoke: Smoke, *, told_by_webhook: bool) -> Iterator[Finding]:
    began = time.monotonic()
    asked = {"model": smoke.model, "input": smoke.input, "label": LABEL}
    job = api.post("/jobs", asked)
    for job in api.changes(job["id"], smoke.patience):  # noqa: B020 - the same job, later
        if job["status"] in FINAL:
            break
    seconds = time.monotonic() - began
    if job["status"] not in FINAL:
        api.post(f"/jobs/{job['id']}/cancel")
        why = f", waiting for {job['waiting']['reason']}" if job["waiting"] else ""
        yield _wrong(job, f"still {job['status']}{why} after {seconds:.0f} s: asked to cancel it")
        return
    if job["status"] != "succeeded":
        yield _wrong(job, f"{job['status']}: {(job['error'] or {}).get('message')}")
        return
    originals = [media for media in job["media"] if media["role"] == "original"]
    for media in originals:
        if _sha256(api, f"/media/{job['id']}/{media['name']}") != media["sha256"]:
            yield _wrong(job, f"{media['name']} reads back otherwise than it was stored")
            return
    if not originals:
        yield _wrong(job, "nothing of it was stored")
        return
    if told_by_webhook:
        yield _webhook(api, job["id"])
    stored = sum(media["bytes"] for media in originals)
    cost = f", {job['cost']['amount']} USD" if job["cost"] else ""
    files = f"{len(originals)} file(s), {stored:,} bytes read back"
    yield Finding("Smoke", True, f"job {job['id']} in {seconds:.1f} s: {files}{cost}")


def _wrong(job: dict[str, Any], what: str) -> Finding:
    return Finding("Smoke", False, f"job {job['id']}: {what}")


def _webhook(api: Api, job_id: str) -> Finding:
    """Without one the system works, later: it is said, and not wrong."""
    kinds = {item["kind"] for item in api.get(f"/jobs/{job_id}/timeline")["items"]}
    if "delivery" in kinds:
        return Finding("Webhook", True, "Replicate's call has come in")
    return Finding("Webhook", None, "none came in yet: polling found the end")


def _price(api: Api, model: str) -> str:
    """In words, as far as the registry knows it; Replicate's API tells no prices."""
    entry = api.get(f"/models/{model}")
    if entry["max_cost"]:
        return f"at most {entry['max_cost']} USD"
    price = {unit: amount for unit, amount in (entry["price"] or {}).items() if amount}
    if price:
        return ", ".join(f"{amount} USD {unit.replace('_', ' ')}" for unit, amount in price.items())
    return f"paid for; MODELS_CONFIG knows no price: see https://replicate.com/{model}"


def _sha256(api: Api, path: str) -> str:
    digest = sha256()
    with api.stream(path) as pieces:
        for piece in pieces:
            digest.update(piece)
    return digest.hexdigest()
