"""A line of the log: JSON, under the names that are searched for, with nothing secret in it."""

import json
import logging

import pytest
import structlog

from fixative.rotating import RotatingSecret, renewed
from fixative.telemetry.logging import configure_logging
from fixative.telemetry.secrecy import Secrecy


@pytest.fixture
def lines(capsys):
    """What is logged by a configuration, read back."""
    root = logging.getLogger()
    before, levels = root.handlers, {name: logging.getLogger(name).level for name in ("", "api")}

    def read(**options):
        configure_logging("json", **options)
        return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    yield read
    root.handlers = before
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()


def test_every_line_has_its_fields_under_the_same_names(lines):
    told = lines(environment="staging")
    log = structlog.get_logger("fixative.tests")
    with structlog.contextvars.bound_contextvars(request_id="r1", owner_id="o1"):
        log.info("job_moved", job_id="j1", job_type="image", model="a/b", duration=1.5)

    [line] = told()
    assert list(line)[:3] == ["timestamp", "level", "action"]
    del line["timestamp"]
    assert line == {
        "level": "info",
        "action": "job_moved",
        "jobId": "j1",
        "userId": "o1",
        "mediaType": "image",
        "modelId": "a/b",
        "requestId": "r1",
        "duration": 1.5,
        "env": "staging",
    }


def test_the_lines_of_libraries_are_of_the_same_form(lines):
    told = lines()
    logging.getLogger("celery.worker").warning("consumer: %s", "away")

    [line] = told()
    assert (line["level"], line["action"]) == ("warning", "consumer: away")


def test_what_users_wrote_is_logged_only_where_that_is_asked_for(lines):
    told = lines()
    structlog.get_logger("api").info("job_accepted", prompt="a cat", told="of a cat")
    assert not {"prompt", "told"} & set(told()[0])

    told = lines(prompts=True)
    structlog.get_logger("api").info("job_accepted", prompt="a cat")
    assert told()[-1]["prompt"] == "a cat"


@pytest.mark.parametrize(
    "secret",
    [
        "r8_abcdefghijklmnop",
        "fx_0123456789abcdef_xyz",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "Bearer eyJhbGciOi.J9-x_y",
        "https://a.example/b?token=hunter2&c=d",
        "https://a.example/b?c=d&X-Amz-Signature=hunter2",
        "/media/j/original.png?sig=hunter2",
        "postgresql://fixative:hunter2@db:5432/fixative",
        'the key "quoted\\"secret" of nobody',
        "it violates\nDETAIL: Key (prompt)=(hunter2) exists\n",
    ],
)
def test_a_secret_is_hidden_by_its_shape_or_because_it_is_known(secret, lines):
    told = lines(secrets=['quoted"secret'])

    structlog.get_logger("worker").warning("failed", error=secret.replace('\\"', '"'))

    written = json.dumps(told())
    assert "***" in written
    hidden = ("abcdef", "eyJ", "MfKQ", "hunter2", "quoted", "0123456789")
    assert not any(word in written for word in hidden)


def test_what_is_no_secret_stays():
    line = '{"action": "request", "path": "/jobs/0190", "prefix": "suffix_of", "at": "12:00:01@x"}'
    assert Secrecy(["sixteen-characters"]).without(line) == line


def test_a_secret_that_was_read_later_than_at_the_start_is_hidden_too(lines):
    told = lines(secrets=["plain words of old"])
    secret = RotatingSecret(
        "ANY", "plain words of old", lambda: "plain words of new", look_seconds=0, again_seconds=0
    )
    assert renewed(secret, "plain words of old")

    structlog.get_logger("worker").warning("failed", error="of old: plain words of old")
    structlog.get_logger("worker").warning("failed", error="of new: plain words of new")

    assert [line["error"] for line in told() if "error" in line] == ["of old: ***", "of new: ***"]
