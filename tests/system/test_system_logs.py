"""The logs and traces of a whole run say whose work it is, and neither secrets nor prompts.

Nor does what operators are shown, nor the list of processes.
"""

import json
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.collector import collecting
from tests.listening import listening
from tests.system.conftest import System, a_replicate
from tests.waiting import waited_for

PROMPT = "a heron nobody may read of"
SECRETS = {
    "REPLICATE_API_TOKEN": "r8_tokenThatNobodyMayRead",
    "FIXATIVE_ADMIN_KEY": "plain words, seventeen of admin",
    "FIXATIVE_SIGNING_KEY": "plain words that sign links",
}
JSON = {"Content-Type": "application/json"}
OURS = ("api", "worker-io", "worker-store", "worker-derive")
SHOWN = (
    *("/admin/owners", "/admin/keys", "/admin/budgets", "/admin/dead-letters"),
    *("/admin/notifications", "/admin/state", "/metrics", "/readyz", "/openapi.json"),
)
WORKERS = "/api/workers?refresh=1"
FLOWER = ("/workers", "/broker", "/tasks", "/metrics", WORKERS)
CONFIGURED = "broker_transport_options"  # on a worker's page, with all else that it is told


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Start a system and give it much to say of: its jobs, what was logged by role, and traced.

    Beside them what it showed meanwhile, and its secrets.
    """

    def go(**environ):
        with a_replicate() as replicate, listening() as subscriber, collecting() as collector:
            system = System(
                tmp_path_factory.mktemp("logs") / "data",
                REPLICATE_BASE_URL=replicate,
                FIXATIVE_ALLOWED_OUTPUT_HOSTS=replicate,
                FIXATIVE_ALLOWED_WEBHOOK_HOSTS=subscriber.origin,
                **(SECRETS | collector.variables | environ),
            )
            try:
                ended = system.all_ended(_much(system, f"{subscriber.url}?token=hunter2"))
                shown, secrets = _shown(system), _secrets(system)
            finally:
                system.stop()
        logs = {path.name: path.read_text() for path in (system.data_dir / "logs").iterdir()}
        logs["traces"] = collector.text()
        return {job["id"]: job for job in ended}, logs, shown, secrets

    return go


@pytest.fixture(scope="module")
def told(run):
    return run()


def _much(system, webhook):
    """Jobs that succeed, fail, are refused, told of and cancelled; keys that are wrong."""
    prompt, job_ids = {"prompt": PROMPT}, []
    flux = "black-forest-labs/flux-schnell"
    for more in ({}, {"webhook": webhook}, {"metadata": {"note": PROMPT}, "label": PROMPT}):
        body = {"model": flux, "input": prompt, "job_type": "image", **more}
        answer = system.api.post("/jobs", json=body, headers={"X-Request-Id": "req-of-the-test"})
        job_ids.append(answer.raise_for_status().json()["id"])
    job_ids.append(system.submit("emulator/fail", prompt=PROMPT))
    system.all_ended(job_ids)
    wrong = {"model": flux, "input": {"prompt": PROMPT, "num_outputs": PROMPT}}
    assert system.api.post("/jobs", json=wrong).status_code == 422
    broken = f'{{"model": "{PROMPT}"'
    assert system.api.post("/jobs", content=broken, headers=JSON).status_code == 400
    url = system.run["api_url"]
    for key in ("fx_aKeyThatIsNobodys_0123456789", "r8_notEvenAKeyOfOurs"):
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{url}/jobs", headers=headers).status_code == 401
    assert system.api.get("/jobs", params={"q": PROMPT}).status_code == 200
    [media, *_] = system.job(job_ids[0])["media"]
    assert httpx.get(media["url"]).status_code == 200
    return job_ids


def _secrets(system):
    """All that opens something, by what it opens."""
    run = system.run
    kept = json.loads((system.data_dir / "secrets.json").read_text())
    return {
        **SECRETS,
        "postgres": urlsplit(run["database_url"]).password,
        "redis": urlsplit(run["redis_url"]).password,
        "s3": run["s3"]["secret_key"],
        "flower": kept["flower_password"],
    }


def _shown(system):
    """What operators are shown, by its address, and the list of processes."""
    shown = {path: _read(system.api, path) for path in SHOWN}
    login = ("admin", _secrets(system)["flower"])
    flower = httpx.Client(base_url=system.run["flower_url"], auth=login, timeout=30)
    with flower:
        for path in FLOWER:
            shown[f"flower {path}"] = _read(flower, path)
        workers = _read(flower, WORKERS, lambda text: len(json.loads(text)) == 3)
        for worker in json.loads(workers):
            page = _read(flower, f"/worker/{worker}", lambda text: CONFIGURED in text)
            shown[f"flower {worker}"] = page
    lines = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline"))
    shown["processes"] = b"\n".join(lines).replace(b"\0", b" ").decode(errors="replace")
    assert "worker-store@" in shown["processes"]
    return shown


def _read(client, path, whole=bool):
    """The text there once it is whole: who does not answer Flower in a second is left out."""

    def text():
        answer = client.get(path)
        return answer.text if answer.is_success and whole(answer.text) else None

    return waited_for(text, pause=0.5)


def _found(secrets, texts):
    return {
        (name, what) for name, text in texts.items() for what in secrets if secrets[what] in text
    }


def test_what_operators_are_shown_and_the_list_of_processes_have_no_secret(told):
    _, _, shown, secrets = told

    assert _found(secrets, shown) == set()


def test_a_run_full_of_secrets_and_prompts_leaves_none_in_any_log_or_trace(told):
    ended, logs, _, secrets = told
    assert {job["status"] for job in ended.values()} == {"succeeded", "failed"}
    signature = next(m for job in ended.values() for m in job["media"])["url"].partition("sig=")[2]
    assert signature
    hidden = [PROMPT, "heron", "hunter2", "NobodyMayRead", "aKeyThatIsNobodys", "notEvenAKey"]
    hidden += [*secrets.values(), signature]
    assert all(job["prediction"]["id"] in logs["traces"] for job in ended.values())

    found = {(name, word) for name, text in logs.items() for word in hidden if word in text}
    assert found == set()


def test_each_line_is_an_event_and_a_job_is_followed_through_all_by_its_id_and_its_request(told):
    ended, logs, *_ = told
    job_id = next(iter(ended))
    lines = [
        json.loads(line)
        for role in OURS
        for line in logs[f"{role}.log"].splitlines()
        if line.startswith("{")
    ]
    assert all({"timestamp", "level", "action"} <= line.keys() for line in lines)
    assert all(line.startswith("{") for line in logs["api.log"].splitlines())
    of_job = sorted(
        (line for line in lines if line.get("jobId") == job_id), key=lambda line: line["timestamp"]
    )
    moves = [line for line in of_job if line["action"] == "job_moved"]

    assert of_job[0]["action"] == "job_accepted"
    assert moves[-1]["to"] == "succeeded"
    assert {line["mediaType"] for line in moves} == {"image"}
    assert {line["modelId"] for line in moves} == {"black-forest-labs/flux-schnell"}
    assert len({line["userId"] for line in moves}) == 1
    assert all(line["duration"] >= 0 for line in moves)
    assert ended[job_id]["prediction"]["id"] in {line.get("predictionId") for line in moves}
    assert of_job[0]["requestId"] == "req-of-the-test"
    # Messages carry it on; the sweep, which sends a late one again, knows of no request.
    assert "req-of-the-test" in {line.get("requestId") for line in lines if "to" in line}
    failed = [line for line in lines if line.get("to") == "failed"]
    assert {line["error"] for line in failed} == {"invalid_input"}


def test_what_users_wrote_is_logged_where_that_is_asked_for(run):
    _, logs, *_ = run(FIXATIVE_LOG_PROMPTS="true")

    assert PROMPT in logs["api.log"]
    assert "NobodyMayRead" not in "".join(logs.values())
