import io
import json
import os
import subprocess
import sys
import time
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from fixative.cli.api_client import Api
from fixative.cli.demo.check import Checked, Checker, key_of
from fixative.cli.demo.errors import DemoFailed
from fixative.cli.demo.orders import ORDERS, Running
from fixative.cli.demo.screen import Screen, way_table
from fixative.cli.demo.system import System, without_services
from fixative.cli.s3 import open_s3
from fixative.local.data_dir import open_data_dir
from fixative.settings import Settings

START = datetime.fromisoformat("2026-01-02T03:04:05Z")
PICTURE = b"the bytes of a picture"
SHA256 = sha256(PICTURE).hexdigest()


def after(*moves: tuple[str, float]) -> Running:
    timed = [(status, START + timedelta(seconds=seconds)) for status, seconds in moves]
    return Running(ORDERS[0], "0198c0de-0000-7000-8000-000000000001", timed)


@pytest.fixture
def finished(a_job: Any, a_medium: Any) -> Running:
    one = after(("queued", 0), ("submitting", 0.2), ("processing", 0.5), ("storing", 2.5))
    one.moves.append(("succeeded", START + timedelta(seconds=3)))
    one.job = a_job(media=[a_medium(), a_medium("thumbnail.jpg", role="thumbnail")])
    return one


def test_seconds_are_counted_from_one_move_to_the_next(finished: Running) -> None:
    assert finished.seconds == 3
    assert finished.seconds_in("processing") == 2
    assert finished.seconds_in("starting") is None


def test_a_second_stay_in_a_status_adds_to_the_first() -> None:
    one = after(("queued", 0), ("submitting", 1), ("queued", 3), ("canceled", 7))

    assert one.seconds_in("queued") == 5
    assert one.finished


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_line_but_a_link_is_wider_than_the_screen(finished: Running, width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, record=True)
    screen = Screen(console)

    screen.title()
    screen.orders([Running(order, "id") for order in ORDERS])
    console.print(way_table([finished]))
    screen.stored([finished])
    screen.checked(finished, Checked(7, 1_234_567))

    lines = console.export_text().splitlines()
    assert any("thumbnail.jpg" in line for line in lines)
    others = [line for line in lines if "http" not in line]  # a link in two would open nothing
    assert max(len(line.rstrip()) for line in others) <= min(width, 100)


def test_without_a_terminal_each_move_is_a_line(finished: Running) -> None:
    shown = io.StringIO()

    Screen(Console(file=shown)).follow([finished], [None, None])

    assert [line.split() for line in shown.getvalue().splitlines()] == [
        ["image", "0.2", "s", "queued", "→", "submitting"],
        ["image", "0.5", "s", "submitting", "→", "processing"],
        ["image", "2.5", "s", "processing", "→", "storing"],
        ["image", "3.0", "s", "storing", "→", "succeeded"],
    ]


def test_no_service_of_somebody_elses_gets_into_the_demo() -> None:
    theirs = {"REPLICATE_API_TOKEN": "r8_dear", "DATABASE_URL_FILE": "/x", "AWS_PROFILE": "prod"}

    assert without_services({**theirs, "PATH": "/bin"}) == {"PATH": "/bin"}


def test_a_system_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fixative.cli.demo", "--data-dir", str(tmp_path / "data")]
    with open_data_dir(tmp_path / "data"):
        ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert "another `fixative up` is running here" in ended.stdout
    assert ended.stderr == ""


def test_a_process_that_outlives_the_system_is_named(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("fixative.cli.demo.system.PATIENCE_SECONDS", 0)
    system = System(tmp_path)
    system._process = subprocess.Popen([sys.executable, "-c", ""])
    alive = {"role": "postgres", "pid": os.getpid()}
    (tmp_path / "run.json").write_text(json.dumps({"processes": [alive]}))

    with pytest.raises(DemoFailed, match=rf"postgres \({os.getpid()}\)"):
        system.stop()


@pytest.fixture
def stored(fake_api: Any, settings: Settings, a_job: Any, a_medium: Any) -> dict[str, Any]:
    """A job whose one picture is in the bucket, at Replicate and in the API alike."""
    job = a_job(media=[a_medium(bytes=len(PICTURE), sha256=SHA256)], id=f"job-{time.time_ns()}")
    job["media"][0]["url"] = f"{fake_api.url}/media/{job['id']}/original.webp"
    fake_api.on(f"GET /media/{job['id']}/original.webp", PICTURE)
    fake_api.on(
        "GET /_emulator/expected/abc123",
        [{"url": "http://x/out-0.webp", "sha256": SHA256, "bytes": len(PICTURE)}],
    )
    put(settings, key_of(job, "original.webp"), PICTURE)
    return job


@pytest.fixture
def checker(fake_api: Any, settings: Settings) -> Any:
    run = {"replicate_url": fake_api.url, "s3": {**keys(settings), "bucket": settings.s3_bucket}}
    with Api(fake_api.url, "fx_key") as api, Checker(run, api) as checker:
        yield checker


def keys(settings: Settings) -> dict[str, Any]:
    secret = settings.aws_secret_access_key
    assert secret
    return {
        "endpoint_url": settings.s3_endpoint_url,
        "region": settings.aws_region,
        "access_key": settings.aws_access_key_id,
        "secret_key": secret.get_secret_value(),
    }


def put(settings: Settings, key: str, content: bytes) -> None:
    open_s3(**keys(settings)).put_object(Bucket=settings.s3_bucket, Key=key, Body=content)


def test_four_copies_that_agree_are_what_was_promised(checker: Checker, stored: Any) -> None:
    assert checker.check("image", stored) == Checked(objects=1, bytes=len(PICTURE))


def test_another_object_in_the_bucket_is_found(
    checker: Checker, stored: Any, settings: Settings
) -> None:
    put(settings, key_of(stored, "original.webp"), PICTURE.swapcase())

    with pytest.raises(DemoFailed, match=r"original\.webp.*the bucket has 22 bytes"):
        checker.check("image", stored)


def test_a_missing_object_is_found(checker: Checker, stored: Any) -> None:
    with pytest.raises(DemoFailed, match="NoSuchKey"):
        checker.check("image", {**stored, "id": "another"})


def test_another_answer_of_get_media_is_found(checker: Checker, stored: Any, fake_api: Any) -> None:
    fake_api.on(f"GET /media/{stored['id']}/original.webp", b"short")

    with pytest.raises(DemoFailed, match="GET /media has 5 bytes"):
        checker.check("image", stored)


def test_what_replicate_did_not_serve_is_found(
    checker: Checker, stored: Any, fake_api: Any
) -> None:
    fake_api.on("GET /_emulator/expected/abc123", [{"url": "x", "sha256": "00", "bytes": 22}])
    with pytest.raises(DemoFailed, match="Replicate has 22 bytes, 00"):
        checker.check("image", stored)

    fake_api.on("GET /_emulator/expected/abc123", [])
    with pytest.raises(DemoFailed, match="Replicate served 0 files, 1 are stored"):
        checker.check("image", stored)
