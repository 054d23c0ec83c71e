"""`fixative replay`: what it says, and how it ends."""

import json
from pathlib import Path

import pytest

SUCCEEDED = {
    "job_id": "1754541721.120277",
    "job": {"id": "1754541721.120277", "prompt": "a", "created_at": "2025-08-07T10:15:21+00:00"},
    "result": {"text": "b"},
    "completed_at": "2025-08-07T10:15:25+00:00",
}


@pytest.fixture
def output_dir(environ):
    return Path(environ["OUTPUT_DIR"])


@pytest.fixture
def records(output_dir):
    """Two records to replay, one that failed."""
    for number, change in enumerate(({}, {}, {"error": "timed out", "result": None})):
        id_ = f"{number}.5"
        record = {**SUCCEEDED, "job_id": id_, "job": {**SUCCEEDED["job"], "id": id_}, **change}
        path = output_dir / f"daily/2025-08-0{number + 1}/processed/{id_}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(record))


@pytest.fixture
def replay(run, environ):
    return lambda *arguments: run("replay", *arguments, **environ)


def numbers(result):
    rows = [line.rsplit(maxsplit=1) for line in result.stdout.splitlines()[1:]]
    return {name.strip(): number for name, number in rows if name.strip() != "seconds"}


def test_it_ends_with_a_table_and_what_is_not_replayable_is_no_failure(replay, records):
    first = replay("--use-default-output-dir")
    second = replay("--use-default-output-dir")

    assert (first.exit_code, second.exit_code) == (0, 0), first.output
    common = {"read": "3", "updated": "0", "failed": "1"}
    assert numbers(first) == {**common, "replayed": "2", "already there": "0"}
    assert numbers(second) == {**common, "replayed": "0", "already there": "2"}
    assert "failed: " in first.stderr
    assert "2.5.json" in first.stderr
    assert "timed out" in first.stderr
    assert "0.5.json" not in first.stderr


def test_a_dry_run_says_what_would_happen_and_does_not_do_it(replay, records):
    for _ in range(2):
        result = replay("--use-default-output-dir", "--dry-run", "--verbose")

        assert result.exit_code == 0
        assert numbers(result)["would be replayed"] == "2"
        assert "would be replayed: " in result.stderr


def test_a_corrupt_record_is_named_and_the_others_are_replayed(replay, records, output_dir):
    (output_dir / "daily/2025-08-01/processed/corrupt.json").write_text("{")

    result = replay("--use-default-output-dir")

    assert result.exit_code == 1
    assert (numbers(result)["corrupt"], numbers(result)["replayed"]) == ("1", "2")
    assert "corrupt.json: not JSON" in result.stderr


def test_a_refused_record_makes_exit_code_1(replay, records, output_dir):
    (output_dir / "daily/2025-08-01/processed/link.json").symlink_to("/etc/hostname")

    result = replay("--use-default-output-dir")

    assert result.exit_code == 1
    assert "link.json: it lies outside of ALLOWED_REPLAY_DIRS" in result.stderr


def test_records_are_chosen_by_directory_file_day_and_name(replay, records, output_dir):
    day = output_dir / "daily/2025-08-02"

    for chosen in (
        ("--directory", str(day)),
        ("--file", str(day / "processed/1.5.json")),
        ("--use-default-output-dir", "--since", "2025-08-02", "--until", "2025-08-02"),
        ("--use-default-output-dir", "--pattern", "1.*.json"),
    ):
        result = replay(*chosen, "--dry-run")
        assert numbers(result)["would be replayed"] == numbers(result)["read"] == "1", chosen


def test_another_directory_may_be_allowed(run, environ, records, output_dir, tmp_path):
    elsewhere = output_dir.rename(tmp_path / "elsewhere")
    output_dir.mkdir()

    refused = run("replay", "--directory", str(elsewhere), **environ)
    allowed = {**environ, "ALLOWED_REPLAY_DIRS": f"{output_dir}, {elsewhere}"}
    taken = run("replay", "--directory", str(elsewhere), **allowed)

    assert refused.exit_code == 1
    assert "outside of ALLOWED_REPLAY_DIRS" in refused.stderr
    assert (taken.exit_code, numbers(taken)["replayed"]) == (0, "2")


@pytest.mark.parametrize(
    "arguments",
    [(), ("--file", "a", "--directory", "b"), ("--use-default-output-dir", "--since", "monday")],
)
def test_what_cannot_be_meant_is_a_usage_error(replay, arguments):
    assert replay(*arguments).exit_code == 2


def test_a_directory_that_is_not_there_is_one_line(replay, output_dir):
    result = replay("--directory", str(output_dir / "nothing"))

    assert result.exit_code == 1
    assert "no file" in result.stderr


def test_progress_is_told_every_500_records_where_there_is_no_terminal(replay, output_dir):
    for number in range(1001):
        (output_dir / f"{number}.json").write_text("")

    result = replay("--use-default-output-dir")

    told = [line for line in result.stderr.splitlines() if line.endswith("records read")]
    assert told == ["500 records read", "1,000 records read"]
