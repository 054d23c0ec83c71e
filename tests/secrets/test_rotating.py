"""A secret is as it is now: at most so old, and at once where the known one was refused."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from fixative.errors import WrongSetting
from fixative.rotating import RotatingSecret, one_or_more, renewed, rotated, to_hide
from fixative.variables import read_secret
from tests.doc_blocks import ROOT, blocks_of

pytestmark = pytest.mark.wide

AWSCLI = Path(sys.prefix) / "clients" / "awscli"
NAME = "REPLICATE_API_TOKEN"
NEVER = 1e9
OLD, NEW = "a-secret-of-old", "a-secret-of-new"  # what is rotated is hidden in all later logs


class Place:
    """Where a secret lies; it counts who looks."""

    def __init__(self, *values):
        self.values = list(values)
        self.looks = 0

    def read(self):
        self.looks += 1
        value = self.values.pop(0) if len(self.values) > 1 else self.values[0]
        if isinstance(value, Exception):
            raise value
        return value


@pytest.fixture
def lies():
    """A secret that lies there; nobody looks by himself, whoever was refused at once."""

    def made(place, *, look_seconds=NEVER, again_seconds=0.0):
        return RotatingSecret(
            NAME, OLD, place.read, look_seconds=look_seconds, again_seconds=again_seconds
        )

    return made


@pytest.fixture
def in_file(file):
    file.write_text(OLD)
    return read_secret({f"{NAME}_FILE": str(file)}, NAME)


def test_one_in_a_file_is_another_soon_after_the_file_is(in_file, file, eventually):
    assert in_file.get_secret_value() == OLD

    file.write_text(f"{NEW}\n")

    eventually(lambda: in_file.get_secret_value() == NEW)


def test_whoever_is_refused_has_it_read_at_once_and_learns_whether_there_is_another(in_file, file):
    assert not renewed(in_file, OLD)

    file.write_text(NEW)

    assert renewed(in_file, OLD)
    assert in_file.get_secret_value() == NEW


def test_one_at_aws_is_another_for_whoever_is_refused(aws, lies):
    aws.put_secret("rotates", OLD)
    secret = read_secret({NAME: "aws-secretsmanager:rotates"}, NAME)
    aws.put_secret("rotates", NEW)
    assert secret.get_secret_value() == OLD  # it was asked for a moment ago
    secret._read_at = -NEVER

    assert renewed(secret, OLD)
    assert secret.get_secret_value() == NEW


@pytest.mark.parametrize("place", ["aws-secretsmanager:fixative/token", "aws-ssm:/fixative/token"])
def test_one_at_aws_becomes_another_by_the_commands_of_the_page(aws, place):
    aws.put_secret("fixative/token", OLD)
    aws.put_parameter("/fixative/token", OLD)
    secret = read_secret({NAME: place}, NAME)
    (commands,) = [b.text for b in blocks_of(ROOT / "docs/secrets.md") if "aws ssm" in b.text]
    path = f"{AWSCLI / 'bin'}:{os.environ['PATH']}"
    told = {"PATH": path, "PYTHONPATH": str(AWSCLI), "AWS_DEFAULT_REGION": "us-east-1"}

    subprocess.run(["bash", "-euc", commands], env={**os.environ, **told}, check=True)

    secret._read_at = -NEVER
    assert renewed(secret, OLD)
    assert secret.get_secret_value() == "r8_…"


def test_one_that_was_given_as_a_value_stays(file):
    secret = read_secret({NAME: "r8_itself", f"{NAME}_FILE": str(file)}, NAME)

    assert type(secret) is SecretStr
    assert not renewed(secret, "r8_itself")


def test_an_empty_file_is_no_secret_at_the_start(file):
    file.write_text("\n")

    assert read_secret({f"{NAME}_FILE": str(file)}, NAME) is None


@pytest.mark.parametrize("what", [None, "", "\n", b"\xff\xfe"])
def test_a_file_that_is_gone_emptied_or_no_text_leaves_the_secret_that_is_known(
    in_file, file, what
):
    if what is None:
        file.unlink()
    else:
        file.write_bytes(what if isinstance(what, bytes) else what.encode())

    assert not renewed(in_file, OLD)
    assert in_file.get_secret_value() == OLD


def test_a_place_that_is_away_leaves_it_and_is_looked_at_again(lies):
    secret = lies(Place(WrongSetting("away"), NEW))

    assert not renewed(secret, OLD)
    assert renewed(secret, OLD)


def test_where_a_look_is_dear_those_who_are_refused_share_it(lies):
    place = Place(OLD)
    secret = lies(place, again_seconds=NEVER)
    secret._read_at = -2 * NEVER

    with ThreadPoolExecutor(8) as threads:
        assert not any(threads.map(lambda _: renewed(secret, OLD), range(40)))

    assert place.looks == 1


def test_whoever_was_refused_with_an_earlier_one_looks_nowhere(lies):
    place = Place(NEW)
    secret = lies(place)
    assert renewed(secret, OLD)

    assert renewed(secret, OLD)
    assert place.looks == 1


def test_it_is_looked_at_when_it_is_old_and_not_before(lies):
    place = Place(OLD)
    assert lies(place).get_secret_value() == OLD
    assert place.looks == 0

    secret = lies(place, look_seconds=0.0)
    assert [secret.get_secret_value() for _ in range(3)] == [OLD] * 3
    assert place.looks == 3


def test_why_it_cannot_be_read_is_said_once(lies):
    secret = lies(Place(WrongSetting("away"), WrongSetting("away"), WrongSetting("gone"), OLD))

    with capture_logs() as told:
        assert not any(renewed(secret, OLD) for _ in range(4))

    assert [line["reason"] for line in told] == ["away", "gone"]


def test_of_what_only_looks_like_an_address_all_is_hidden():
    assert to_hide(["postgresql://x:[secret@db/x", "plain"]) == {
        "postgresql://x:[secret@db/x",
        "plain",
    }
    assert to_hide(["redis://127.0.0.1/0"]) == set()


def test_it_shows_itself_to_nobody_and_is_known_to_those_who_hide_it(lies):
    secret = lies(Place("postgresql://fixative:hunter%402@db/fixative"))
    assert renewed(secret, OLD)

    assert "hunter" not in f"{secret!r} {secret!s} {secret}"
    assert "hunter@2" in to_hide(rotated())
    assert not any("postgresql://" in word for word in to_hide(rotated()))


@pytest.mark.parametrize("written", ["a,b", "a b", "a\nb\n", " a , b ,"])
def test_several_that_are_valid_side_by_side_have_commas_or_white_space_between(written):
    assert one_or_more(written) == ("a", "b")
