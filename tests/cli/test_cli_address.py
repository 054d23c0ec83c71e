import json
import socket
from pathlib import Path
from typing import Any


def write_run_file(directory: Path, **run: Any) -> None:
    directory.mkdir(exist_ok=True)
    (directory / "run.json").write_text(json.dumps(run))


def test_without_a_system_one_line_says_how_to_start_one(run: Any) -> None:
    result = run("jobs", "list")

    assert result.exit_code == 1
    assert result.stderr == (
        "fixative: no running system in .fixative: start one with `fixative up`, "
        "or set FIXATIVE_API_URL and FIXATIVE_API_KEY\n"
    )


def test_the_running_system_is_found_through_its_run_file(
    run: Any, fake_api: Any, tmp_path: Path
) -> None:
    write_run_file(tmp_path / ".fixative", api_url=fake_api.url, admin_key="fx_admin")
    fake_api.on("GET /jobs", {"items": [], "next": None})

    assert run("jobs", "list").exit_code == 0
    assert fake_api.asked[0].headers["Authorization"] == "Bearer fx_admin"


def test_the_run_file_of_another_data_directory_can_be_named(
    run: Any, fake_api: Any, tmp_path: Path
) -> None:
    write_run_file(tmp_path / "elsewhere", api_url=fake_api.url, admin_key="fx_admin")
    fake_api.on("GET /jobs", {"items": [], "next": None})

    assert run("jobs", "list", FIXATIVE_DATA_DIR=str(tmp_path / "elsewhere")).exit_code == 0


def test_the_admin_key_of_the_run_file_is_not_shown_to_another_address(
    run: Any, fake_api: Any, tmp_path: Path
) -> None:
    write_run_file(tmp_path / ".fixative", api_url="http://127.0.0.1:1", admin_key="fx_admin")

    result = run("jobs", "list", FIXATIVE_API_URL=fake_api.url)

    assert result.exit_code == 1
    assert "FIXATIVE_API_KEY" in result.stderr
    assert fake_api.asked == []


def test_a_key_alone_goes_to_the_running_system(run: Any, fake_api: Any, tmp_path: Path) -> None:
    write_run_file(tmp_path / ".fixative", api_url=fake_api.url, admin_key="fx_admin")
    fake_api.on("GET /jobs", {"items": [], "next": None})

    assert run("jobs", "list", FIXATIVE_API_KEY="fx_mine").exit_code == 0
    assert fake_api.asked[0].headers["Authorization"] == "Bearer fx_mine"


def test_when_nothing_answers_one_line_says_what_to_do(run: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

    result = run("jobs", "list", FIXATIVE_API_URL=url, FIXATIVE_API_KEY="fx_mine")

    assert result.exit_code == 1
    assert result.stderr == (
        f"fixative: nothing answers at {url}: start the system with `fixative up`, "
        "or set FIXATIVE_API_URL\n"
    )


def test_an_address_that_is_none_is_named(run: Any) -> None:
    result = run("jobs", "list", FIXATIVE_API_URL="localhost:8000", FIXATIVE_API_KEY="fx_mine")

    assert result.stderr == "fixative: FIXATIVE_API_URL: must be an http or https URL\n"


def test_a_problem_is_told_in_its_own_words(fixative: Any, fake_api: Any) -> None:
    fake_api.problem("GET /jobs", 401, "a valid key is needed")

    result = fixative("jobs", "list")

    assert result.exit_code == 1
    assert result.stderr == "fixative: a valid key is needed (401)\n"


def test_each_field_that_a_problem_names_has_its_line(fixative: Any, fake_api: Any) -> None:
    errors = [{"loc": ["body", "input", "prompt"], "msg": "field required", "type": "missing"}]
    fake_api.problem("POST /jobs", 422, "the request does not fit", errors=errors)

    result = fixative("submit", "owner/name")

    assert result.stderr == (
        "fixative: the request does not fit (422)\n  body.input.prompt: field required\n"
    )


def test_a_proxy_is_not_asked_about_this_machine(
    fixative: Any, fake_api: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    fake_api.on("GET /jobs", {"items": [], "next": None})

    assert fixative("jobs", "list").exit_code == 0
