"""Signed links: each opens one path, for as long as the key is the same."""

import re

import pytest

from fixative.access.links import Links
from fixative.settings import load_settings

PATH = "/media/019a3c1e-5b7d-7c3a-9f00-2d1e6a4b8c70/original.png"
NEEDED = {
    "DATABASE_URL": "postgresql://localhost/none",
    "REDIS_URL": "redis://localhost",
    "S3_BUCKET": "none",
    "REPLICATE_API_TOKEN": "r8_test",
    "FIXATIVE_ADMIN_KEY": "fx_admin_key_of_the_tests",
    "FIXATIVE_DATA_DIR": "/nonexistent",
}


@pytest.fixture
def links():
    return Links(b"a key")


@pytest.fixture
def links_under():
    """The links of an installation with these variables."""
    return lambda **variables: Links.of(load_settings({**NEEDED, **variables}))


def test_a_signature_opens_its_path_and_no_other(links):
    signature = links.sign(PATH)

    assert links.valid(PATH, signature)
    assert not links.valid(PATH + "x", signature)
    assert not links.valid(PATH[:-1], signature)


@pytest.mark.parametrize("wrong", ["", "x", "é"])
def test_what_is_no_signature_opens_nothing(links, wrong):
    assert not links.valid(PATH, wrong)


@pytest.mark.parametrize("changed", [lambda s: s[:-1], lambda s: s + "A", lambda s: s + "=="])
def test_a_signature_is_right_to_the_letter(links, changed):
    assert not links.valid(PATH, changed(links.sign(PATH)))


def test_a_signature_has_128_bits_and_stands_in_an_address_as_it_is(links):
    assert re.fullmatch(r"[\w-]{22}", links.sign(PATH))


def test_the_same_path_has_the_same_link_after_a_restart(links_under):
    assert links_under().sign(PATH) == links_under().sign(PATH)


def test_a_changed_admin_key_leaves_links_alone_where_they_have_a_key_of_their_own(links_under):
    own = {"FIXATIVE_SIGNING_KEY": "a key for links alone"}
    signature = links_under(**own).sign(PATH)

    after = links_under(**own, FIXATIVE_ADMIN_KEY="fx_another_admin_key")
    assert after.valid(PATH, signature)
    assert not links_under().valid(PATH, signature)
