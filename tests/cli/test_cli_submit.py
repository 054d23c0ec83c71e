import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

PICTURE = b"the bytes of a picture"
SHA256 = sha256(PICTURE).hexdigest()


@pytest.fixture
def stored(fake_api: Any, a_job: Any, a_medium: Any) -> dict[str, Any]:
    """A job that is stored when it is first looked at."""
    job = a_job(media=[a_medium(bytes=len(PICTURE), sha256=SHA256)])
    fake_api.on("POST /jobs", a_job("queued"))
    fake_api.on(f"GET /jobs/{job['id']}", job)
    fake_api.on(f"GET /media/{job['id']}/original.webp", PICTURE)
    return job


def test_only_the_id_is_printed_so_that_it_can_be_piped(
    fixative: Any, fake_api: Any, a_job: Any
) -> None:
    fake_api.on("POST /jobs", a_job("queued"))

    result = fixative("submit", "owner/name", "prompt=fog", "num_outputs=2", "--label", "harbour")

    assert result.stdout == f"{a_job()['id']}\n"
    assert fake_api.asked[0].body == {
        "model": "owner/name",
        "label": "harbour",
        "input": {"prompt": "fog", "num_outputs": 2},
    }


def test_waiting_ends_with_the_media_and_their_links(fixative: Any, stored: Any) -> None:
    result = fixative("submit", "owner/name", "--wait")

    assert result.exit_code == 0
    assert stored["media"][0]["url"] in result.stdout
    assert SHA256[:12] in result.stdout


def test_waiting_follows_each_change_and_asks_for_nothing_that_is_known(
    fixative: Any, fake_api: Any, a_job: Any, reply: Any
) -> None:
    job = a_job()
    fake_api.on("POST /jobs", a_job("queued"))
    fake_api.on(
        f"GET /jobs/{job['id']}",
        reply(a_job("starting"), headers={"ETag": '"1"'}),
        reply(status=304, headers={"ETag": '"1"'}),
        reply(job, headers={"ETag": '"2"'}),
    )

    assert fixative("submit", "owner/name", "--wait").exit_code == 0
    first, second, third = fake_api.asked[1:]
    assert "If-None-Match" not in first.headers
    assert second.headers["If-None-Match"] == third.headers["If-None-Match"] == '"1"'


def test_a_job_that_failed_says_why_and_exits_1(fixative: Any, fake_api: Any, a_job: Any) -> None:
    error = {"code": "model_error", "message": "it broke [/]", "retryable": False, "details": None}
    fake_api.on("POST /jobs", a_job("queued"))
    fake_api.on(f"GET /jobs/{a_job()['id']}", a_job("failed", error=error))

    result = fixative("submit", "owner/name", "--wait")

    assert result.exit_code == 1
    assert "model_error: it broke [/]" in result.stdout


def test_media_are_saved_under_their_names(fixative: Any, stored: Any, tmp_path: Path) -> None:
    result = fixative("submit", "owner/name", "--download", "out")

    assert result.exit_code == 0, result.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == [stored["media"][0]["name"]]
    assert (tmp_path / "out/original.webp").read_bytes() == PICTURE


@pytest.mark.usefixtures("stored")
def test_a_file_that_is_there_is_not_overwritten(fixative: Any, tmp_path: Path) -> None:
    (tmp_path / "original.webp").write_text("precious")

    result = fixative("submit", "owner/name", "--download", ".")

    assert result.exit_code == 1
    assert "not overwritten" in result.stderr
    assert (tmp_path / "original.webp").read_text() == "precious"


def test_bytes_that_are_not_what_was_stored_are_not_kept(
    fixative: Any, fake_api: Any, stored: Any, tmp_path: Path
) -> None:
    fake_api.on(f"GET /media/{stored['id']}/original.webp", b"something else")

    result = fixative("submit", "owner/name", "--download", "out")

    assert result.exit_code == 1
    assert "not what was stored" in result.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_a_name_that_leads_out_of_the_directory_is_refused(
    fixative: Any, fake_api: Any, a_job: Any, a_medium: Any, tmp_path: Path
) -> None:
    job = a_job(media=[a_medium("../stolen.webp")])
    fake_api.on("POST /jobs", a_job("queued"))
    fake_api.on(f"GET /jobs/{job['id']}", job)

    result = fixative("submit", "owner/name", "--download", "out")

    assert result.exit_code == 1
    assert not (tmp_path / "stolen.webp").exists()


def test_an_input_can_be_given_as_json(fixative: Any, fake_api: Any, a_job: Any) -> None:
    fake_api.on("POST /jobs", a_job("queued"))

    fixative("submit", "owner/name", "--json", json.dumps({"prompt": "fog", "steps": [1, 2]}))

    assert fake_api.asked[0].body["input"] == {"prompt": "fog", "steps": [1, 2]}
