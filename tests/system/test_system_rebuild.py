"""The database is dropped, and comes back: nothing is lost, nothing is paid twice."""

import json
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import httpx
import psycopg
import pytest

from fixative.media.audit import audit
from fixative.recovery.digest import digest_of
from fixative.recovery.export import export
from fixative.recovery.export_access import export_access
from fixative.settings import load_settings
from tests.system.following import all_written
from worker.services import Services

MODELS = (
    ("black-forest-labs/flux-schnell", {}),
    ("meta/meta-llama-3-8b-instruct", {}),
    ("emulator/report", {"frames": 2}),
    ("emulator/fail", {}),
)
UNFINISHED = 3


@pytest.fixture
def environ(replicate, tmp_path):
    """The variables of a system whose Replicate, and whose records, outlive it."""
    httpx.post(f"{replicate}/_emulator/config", json={"creates_per_minute": 60000})
    return {
        "REPLICATE_API_TOKEN": "r8_any",
        "REPLICATE_BASE_URL": replicate,
        "FIXATIVE_ALLOWED_OUTPUT_HOSTS": replicate,
        "FIXATIVE_CREATES_PER_MINUTE": "60000",
        "OUTPUT_DIR": str(tmp_path / "records"),
    }


@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", [20, pytest.param(1000, marks=pytest.mark.soak)])
def test_a_dropped_database_comes_back_whole_though_its_rebuild_is_killed(
    start, replicate, environ, eventually, tmp_path, number
):
    system = start("--no-flower", **environ)
    ended = [submit(system, *MODELS[n % len(MODELS)], n) for n in range(number)]
    system.all_ended(ended, patience=600)
    canceled = cancel_one(system, eventually)
    deleted = ended[:: number // 4]
    for job_id in deleted:
        assert system.api.delete(f"/jobs/{job_id}").status_code == 204
    kept = [*(set(ended) - set(deleted)), canceled]
    key = system.api.post("/admin/keys", json={"owner": "studio"}).json()["key"]
    eventually(lambda: manifests(system) == {f"{job_id}/metadata.json" for job_id in kept})
    copy_access(system)
    # And derived: what is still due would change a job later, and its line.
    eventually(lambda: all_written(system), patience=300)
    links = [media["url"] for job_id in kept[:20] for media in system.job(job_id)["media"]]
    unfinished = [
        submit(system, "emulator/sleep", {"seconds": 40}, -n) for n in range(1, UNFINISHED + 1)
    ]
    eventually(lambda: {system.job(job_id)["status"] for job_id in unfinished} == {"processing"})
    eventually(lambda: recorded(tmp_path / "records") == {*unfinished, *kept})
    assert system.stop() == 0

    services = start("--services", **environ)
    lines = told(services)
    drop_database(services)
    began = time.monotonic()
    rebuild = ("rebuild", "--from", "bucket,records")
    kill_in_the_middle(services, *rebuild)
    report = json.loads(services.fixative(*rebuild, "--json"))
    rebuilt = told(services)
    assert [
        (rebuilt.get(id_), line) for id_, line in lines.items() if rebuilt.get(id_) != line
    ] == []
    assert services.fixative("digest") == f"{digest_of(lines.values())}\n"
    assert report["problems"] == []
    assert report["unfinished"] == UNFINISHED
    recovered = json.loads(services.fixative("recover", "--json"))
    print(f"{number} jobs: rebuilt and recovered in {time.monotonic() - began:.1f} s")
    assert (recovered["unclear"], recovered["found"]) == (UNFINISHED, UNFINISHED)
    services.stop()

    system = start("--no-flower", **environ)
    assert {job["status"] for job in system.all_ended(unfinished, patience=180)} == {"succeeded"}
    after = told(system)
    changed = {id_ for id_, line in lines.items() if after[id_] != line} - {*unfinished}
    assert [(lines[id_], after[id_]) for id_ in changed] == []
    assert creates(replicate) == [1] * (number + 1 + UNFINISHED)
    assert {system.api.get(f"/jobs/{job_id}").status_code for job_id in deleted} == {410}
    with httpx.Client() as anybody:
        for link in links:
            assert anybody.get(at_this_address(system, link)).raise_for_status().content
        headers = {"Authorization": f"Bearer {key}"}
        assert anybody.get(f"{system.run['api_url']}/jobs", headers=headers).status_code == 200
    assert json.loads(system.content("config/owners.json"))["owners"]
    eventually(lambda: manifests(system) >= {f"{job_id}/metadata.json" for job_id in unfinished})
    assert audited(system).clean
    forget(system, ended[1])
    replay_by_hand(system, tmp_path / "records", ended[1])
    eventually(lambda: told(system).get(ended[1]) == lines[ended[1]])


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_a_lost_bucket_leaves_the_rows_and_what_can_be_written_again_is(
    start, replicate, environ, eventually
):
    system = start("--no-flower", **environ)
    jobs = [submit(system, *MODELS[n % 2], n) for n in range(4)]
    system.all_ended(jobs)
    system.api.delete(f"/jobs/{jobs[0]}").raise_for_status()
    eventually(lambda: f"deleted/{jobs[0]}.json" in system.objects())
    eventually(lambda: len(manifests(system)) == 3)
    lines = told(system)
    media = system.job(jobs[1])["media"]
    assert system.stop() == 0

    services = start("--services", **environ)
    began = time.monotonic()
    empty_bucket(services)
    report = json.loads(services.fixative("rebuild", "--from", "bucket", "--json"))
    print(f"a lost bucket: looked through in {time.monotonic() - began:.1f} s")
    assert report["not_recovered"]["media: missing"] >= 3
    assert any(jobs[1] in problem["name"] for problem in report["problems"])
    services.fixative("recover")
    services.stop()

    system = start("--no-flower", **environ)
    assert told(system) == lines
    assert httpx.get(at_this_address(system, media[0]["url"])).status_code == 503
    eventually(lambda: len(manifests(system)) == 3)
    eventually(lambda: f"deleted/{jobs[0]}.json" in system.objects())
    system.assert_stored(system.ended(submit(system, *MODELS[0], 99)))
    assert creates(replicate) == [1] * 5


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_without_manifests_and_records_a_rebuild_names_every_job_that_nothing_tells_of(
    start, environ, eventually, tmp_path
):
    system = start("--no-flower", **environ)
    jobs = [submit(system, *MODELS[0], n) for n in range(3)]
    system.all_ended(jobs)
    eventually(lambda: len(manifests(system)) == 3)
    assert system.stop() == 0

    (system.data_dir / "postgres").rename(system.data_dir / "postgres.lost")
    services = start("--services", **environ)
    empty_bucket(services, ending="/metadata.json")
    shutil.rmtree(tmp_path / "records")
    report = json.loads(services.fixative("rebuild", "--json"))

    named = {p["name"] for p in report["problems"] if p["kind"] == "jobs: unknown"}
    assert named == set(jobs)
    assert "records" in report["not_asked"]


def submit(system, model, more, number):
    """A job whose input nobody else has, so that what was created for it can be counted."""
    return system.submit(model, prompt=f"number {number}", **more)


def cancel_one(system, eventually):
    job_id = submit(system, "emulator/sleep", {"seconds": 60}, "canceled")
    eventually(lambda: system.job(job_id)["status"] == "processing")
    system.api.post(f"/jobs/{job_id}/cancel").raise_for_status()
    assert system.ended(job_id)["status"] == "canceled"
    return job_id


def recorded(directory):
    """The ids of the jobs whose acceptance is written down."""
    return {path.stem for path in directory.glob("daily/*/accepted/*.json")}


def copy_access(system):
    """What the workers do each minute."""
    with opened(system) as services:
        export_access(services.database, services.bucket, services.keys)


def audited(system):
    with opened(system) as services:
        return audit(services.database, services.bucket, services.keys)


def replay_by_hand(system, records, job_id):
    """As a person does beside a running system."""
    [record] = records.glob(f"daily/*/processed/{job_id}.json")
    celery = str(Path(sys.executable).with_name("celery"))
    kwargs = json.dumps({"path": str(record)})
    subprocess.run(
        [celery, "-A", "worker.app", "call", "fixative.replay_record", "--kwargs", kwargs],
        env={**system.environ, "FIXATIVE_DATA_DIR": str(system.data_dir)},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def forget(system, job_id):
    with psycopg.connect(system.run["database_url"]) as connection:
        connection.execute("DELETE FROM jobs WHERE id = %s", [job_id])


def drop_database(services):
    server, _, name = services.run["database_url"].rpartition("/")
    name = name.partition("?")[0]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')


def kill_in_the_middle(services, *arguments):
    """Run a command, and kill it when it has written its first job."""
    process = services.command(*arguments)
    with psycopg.connect(services.run["database_url"], autocommit=True) as connection:
        while process.poll() is None:
            [known] = connection.execute("SELECT to_regclass('jobs')").fetchone()
            if known and connection.execute("SELECT 1 FROM jobs LIMIT 1").fetchone():
                process.kill()
            time.sleep(0.005)
    process.communicate()
    assert process.returncode == -9


def told(system):
    """Each job's line of the export, by its id."""
    with opened(system) as services:
        return {json.loads(line)["id"]: line for line in export(services.database)}


def opened(system):
    """What the tasks of this system work with, in this process, for a block."""
    settings = load_settings({"FIXATIVE_DATA_DIR": str(system.data_dir), **system.environ})
    return closing(Services(settings, connections=1))


def manifests(system):
    found = [key for key in system.objects() if key.endswith("/metadata.json")]
    return {"/".join(key.split("/")[-2:]) for key in found}


def empty_bucket(system, ending=""):
    with opened(system) as services:
        services.bucket.delete([key for key in system.objects() if key.endswith(ending)])


def at_this_address(system, link):
    return f"{system.run['api_url']}/media/{link.partition('/media/')[2]}"


def creates(replicate):
    """How often each input was created: every one is one job's own."""
    stats = httpx.get(f"{replicate}/_emulator/stats").json()
    return sorted(stats["creates"]["by_input"].values())
