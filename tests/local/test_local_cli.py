import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fixative.cli.main import main


def run(*arguments: str, **environ: str | None) -> Result:
    unset = dict.fromkeys(("DATABASE_URL", "REDIS_URL", "S3_BUCKET", "REPLICATE_API_TOKEN"))
    return CliRunner().invoke(main, arguments, env={**unset, **environ})


def test_an_unknown_command_is_a_wrong_use() -> None:
    assert run("no-such-command").exit_code == 2


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("up", "--port", port, "--data-dir", str(tmp_path / "data"))
    assert result.exit_code == 1
    assert result.stderr == f"fixative: port {port} is taken: choose another with --port\n"


@pytest.mark.parametrize(
    ("arguments", "environ", "named"),
    [
        (["--no-emulator"], {}, "REPLICATE_API_TOKEN"),
        ([], {"S3_ENDPOINT_URL": "http://127.0.0.1:9000"}, "S3_BUCKET"),
        ([], {"FIXATIVE_ADMIN_KEY": "short"}, "FIXATIVE_ADMIN_KEY"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(
    tmp_path: Path, arguments: list[str], environ: dict[str, str], named: str
) -> None:
    data = str(tmp_path / "data")
    result = run("up", "--port", "0", "--data-dir", data, *arguments, **environ)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"fixative: {named}: ")
    assert result.stderr.count("\n") == 1
