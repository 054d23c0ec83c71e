"""The release before this one runs on this one's database, and beside it on one broker."""

import json
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from fixative.cli.s3 import s3_of
from tests.upgrade.instances import ROOT, WORKERS, instance
from tests.waiting import waited_for

pytestmark = [pytest.mark.wide, pytest.mark.timeout(600)]

ARCHIVE = Path(__file__).with_name("previous.tar.xz")
LARGEST_BYTES = 400_000
IMAGE = {"model": "black-forest-labs/flux-schnell", "input": {"prompt": "a cat"}}
TEXT = {"model": "meta/meta-llama-3-8b-instruct", "input": {"prompt": "why"}, "job_type": "text"}
ENDED = {"succeeded", "failed", "canceled"}
TOGETHER = 30


@pytest.fixture(scope="module")
def previous(tmp_path_factory):
    """Where the previous release's code lies."""
    place = tmp_path_factory.mktemp("previous")
    subprocess.run(["tar", "--extract", "--file", ARCHIVE, "--directory", place], check=True)
    return place


@pytest.fixture
def begin(environ, tmp_path):
    """Start some roles of a version; they end with the test."""
    with ExitStack() as running:

        def begun(name, *roles, code, **more):
            home = tmp_path / name
            return running.enter_context(instance(home, {**environ, **more}, *roles, code=code))

        yield begun


@pytest.fixture
def client(settings):
    """A client of an instance's API."""
    with ExitStack() as opened:
        key = settings.fixative_admin_key.get_secret_value()
        yield lambda instance: opened.enter_context(instance.client(key))


@pytest.fixture
def assert_kept(settings, emulator):
    """A job's media, its manifest and its record are as its prediction was."""
    s3 = s3_of(settings)

    def objects(job_id):
        listed = s3.list_objects_v2(Bucket=settings.s3_bucket, Prefix=settings.s3_prefix)
        return {
            found["Key"].rpartition("/")[2]: found["Key"]
            for found in listed["Contents"]
            if f"/{job_id}/" in found["Key"]
        }

    def content(key):
        with s3.get_object(Bucket=settings.s3_bucket, Key=key)["Body"] as body:
            return body.read()

    def look(job):
        assert job["status"] == "succeeded", job
        expected = emulator.get(f"/_emulator/expected/{job['prediction']['id']}").json()
        originals = [media for media in job["media"] if media["role"] == "original"]
        if expected:  # nothing of a text, which is no file
            assert [media["sha256"] for media in originals] == [e["sha256"] for e in expected]
        waited_for(lambda: "metadata.json" in objects(job["id"]), pause=0.2)
        kept = objects(job["id"])
        for media in originals:
            assert sha256(content(kept[media["name"]])).hexdigest() == media["sha256"]
        assert json.loads(content(kept["metadata.json"]))["job"]["status"] == "succeeded"
        [record] = waited_for(
            lambda: [*Path(settings.output_dir).glob(f"daily/*/processed/{job['id']}.json")],
            pause=0.2,
        )
        assert json.loads(record.read_text())["job_id"] == job["id"]

    return look


def submitted(api, body):
    answer = api.post("/jobs", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def ended(api, job_id):
    def end():
        job = api.get(f"/jobs/{job_id}").raise_for_status().json()
        return job if job["status"] in ENDED else None

    return waited_for(end, patience=180, pause=0.2)


def tasks_done(instance):
    """How many tasks its workers ended, by how."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(instance.counts))
    found = {}
    for metric in registry.collect():
        for sample in metric.samples:
            if sample.name == "fixative_tasks_total":
                outcome = sample.labels["outcome"]
                found[outcome] = found.get(outcome, 0) + sample.value
    return found


def test_what_is_kept_is_small_and_is_what_runs(previous):
    where = "import api, fixative, worker; print(api.__file__, fixative.__file__, worker.__file__)"
    run = partial(subprocess.run, capture_output=True, text=True, check=True, cwd=previous)
    told = run([sys.executable, "-c", where], env={"PYTHONPATH": str(previous)}).stdout.split()

    assert ARCHIVE.stat().st_size < LARGEST_BYTES
    assert all(Path(file).is_relative_to(previous) for file in told), told


def test_the_previous_release_takes_this_one_s_database_for_migrated(previous, environ):
    check = "from fixative.cli.main import main; main(['migrate', '--check'])"
    done = subprocess.run(
        [sys.executable, "-c", check],
        cwd=previous,
        env={**environ, "PYTHONPATH": str(previous)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("which", ["previous", "this"])
def test_what_one_version_s_api_took_in_the_other_s_workers_do(
    which, previous, begin, client, assert_kept
):
    old, new = (previous, ROOT) if which == "previous" else (ROOT, previous)
    front = begin("front", "api", code=old, FIXATIVE_PUBLIC_URL="{api}")
    begin("back", *WORKERS, "beat", code=new, FIXATIVE_PUBLIC_URL=front.url)
    api = client(front)

    jobs = [ended(api, submitted(api, body)) for body in (IMAGE, TEXT)]

    for job in jobs:
        assert_kept(job)
    waited_for(lambda: "thumbnail" in _roles(api, jobs[0]), pause=0.2)
    kinds = {item["kind"] for item in api.get(f"/jobs/{jobs[0]['id']}/timeline").json()["items"]}
    assert "delivery" in kinds  # the one version's webhook was read by the other


def test_both_versions_work_beside_each_other_on_one_broker(
    previous, begin, client, assert_kept, emulator
):
    old = begin("old", "api", *WORKERS, "beat", code=previous, FIXATIVE_PUBLIC_URL="{api}")
    new = begin("new", "api", *WORKERS, "beat", code=ROOT, FIXATIVE_PUBLIC_URL="{api}")
    apis = [client(old), client(new)]

    taken = [submitted(apis[number % 2], IMAGE) for number in range(TOGETHER)]
    jobs = [ended(apis[number % 2 - 1], job_id) for number, job_id in enumerate(taken)]

    for job in jobs:
        assert_kept(job)
    creates = emulator.get("/_emulator/stats").json()["creates"]["by_job"]
    assert [creates[job_id] for job_id in taken] == [1] * TOGETHER
    for version in (old, new):
        done = waited_for(lambda v=version: tasks_done(v), pause=0.2)
        assert done.get("done", 0) > 0, done
        assert done.get("dead", 0) == 0, done
    assert apis[1].get("/admin/dead-letters").json()["items"] == []


def _roles(api, job):
    return {media["role"] for media in api.get(f"/jobs/{job['id']}").json()["media"]}
