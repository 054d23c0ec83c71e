"""The running system against its own OpenAPI document, by schemathesis: every check it has."""

import json
import re
import subprocess
import sys
import uuid
from pathlib import Path

import httpx
import psycopg
import pytest

CONFIG = Path(__file__).with_name("schemathesis.toml")
SIGNING = Path(__file__).with_name("signing.py")
MODEL = "black-forest-labs/flux-schnell"
NOBODY = "http://127.0.0.1:9"  # where nobody listens: what is told stays to be told
REGISTRY = {"models": {"flux-schnell": {"model": MODEL, "price": {"per_run": "0.003"}}}}
SCOPES = {"reader": ["read"], "user": ["submit", "read", "cancel", "media"]}
CASES = re.compile(r"(\d+) generated")

LETTER = """
INSERT INTO dead_letters (id, task, arguments, job_id, error_class, message, traceback)
VALUES (%s, 'fixative.store_outputs', %s, %s, 'BucketError', 'away', 'Traceback: …')
"""


@pytest.fixture
def system(start):
    """A system of this test's own: it is paused, and its keys are revoked."""
    running = start(
        "--no-flower",
        MODELS_CONFIG=json.dumps(REGISTRY),
        FIXATIVE_ALLOWED_WEBHOOK_HOSTS=NOBODY,
    )
    running.configure(latency={"*": {"start": 0.01, "run": 0.05}}, creates_per_minute=60000)
    return running


@pytest.fixture
def keys(system):
    """A key that reads, one that does all that a user may, and the operator's."""

    def made(scopes):
        asked = {"owner": "gallery", "scopes": scopes}
        return system.api.post("/admin/keys", json=asked).raise_for_status().json()["key"]

    users = {who: made(scopes) for who, scopes in SCOPES.items()}
    return {**users, "admin": system.run["admin_key"]}


@pytest.fixture
def there(system, keys, eventually):
    """What is there to be asked about, by the parameter that names it."""
    api, user = system.api, {"Authorization": f"Bearer {keys['user']}"}

    def post(path, **request):
        return api.post(path, headers=user, **request).raise_for_status().json()

    owner = {"name": "gallery", "webhook": f"{NOBODY}/hooks"}
    api.post("/admin/owners", json=owner).raise_for_status()
    jobs = [{"model": MODEL, "input": {"prompt": f"a cat with {n} hats"}} for n in range(6)]
    batch = post("/jobs/batch", json={"jobs": jobs, "label": "lighthouses"})
    job_ids = [job["id"] for job in batch["jobs"]]
    system.all_ended(job_ids)

    def notifications():
        return api.get("/admin/notifications").raise_for_status().json()["items"]

    letter_id = str(uuid.uuid4())
    with psycopg.connect(system.run["database_url"].replace("+psycopg", "")) as connection:
        arguments = json.dumps({"job_id": job_ids[0]})
        connection.execute(LETTER, [letter_id, arguments, job_ids[0]])
    return {
        "job_id": job_ids,
        "name": ["original.webp", "thumbnail.jpg"],
        "batch_id": [batch["batch_id"]],
        "file_id": [post("/files", files={"content": ("a.txt", b"a text")})["id"]],
        "letter_id": [letter_id],
        "model_id": ["flux-schnell", MODEL],
        "notification_id": [told["id"] for told in eventually(notifications)],
        "sync_id": [api.post("/sync-replicate-jobs", json={}).raise_for_status().json()["sync_id"]],
    }


@pytest.fixture
def ask(system, keys, there, tmp_path):
    """Ask every operation with this key; how many cases that were. None may fail."""
    config = tmp_path / "schemathesis.toml"
    dictionaries = (
        f"[dictionaries.{name}]\nvalues = {json.dumps(ids)}\n" for name, ids in there.items()
    )
    config.write_text(CONFIG.read_text() + "\n".join(dictionaries))
    program = str(Path(sys.executable).with_name("schemathesis"))
    secret = httpx.get(f"{system.run['replicate_url']}/_emulator/config").json()["webhook_secret"]
    signing = {"SCHEMATHESIS_HOOKS": str(SIGNING), "WEBHOOK_SECRET": secret}

    def run(who, *options):
        command = [
            program,
            "--config-file",
            str(config),
            "run",
            f"{system.run['api_url']}/openapi.json",
        ]
        asked = subprocess.run(
            [*command, "--no-color", "--continue-on-failure", *options],
            env={**system.environ, **signing, "FIXATIVE_API_KEY": keys[who]},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert asked.returncode == 0, asked.stdout + asked.stderr
        return int(CASES.search(asked.stdout)[1])

    return run


@pytest.mark.timeout(600)
def test_what_is_answered_is_what_the_document_says(ask):
    def few(who, phases, most):
        options = ("--generation-deterministic", "--phases", phases, "--max-examples", most)
        return ask(who, *options)

    # The operator last: it pauses everything, and revokes the keys that it finds.
    cases = [few("reader", "fuzzing", "1"), few("user", "fuzzing", "2")]
    cases.append(few("admin", "examples,fuzzing", "2"))

    assert min(cases) > 100


@pytest.mark.soak
def test_what_is_answered_is_what_the_document_says_of_thousands_of_requests(ask):
    many = ("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "30")

    cases = {who: ask(who, *many) for who in ("reader", "user", "admin")}

    assert sum(cases.values()) > 2000
