"""What FIXATIVE_ALLOWED_OUTPUT_HOSTS may say, and what it then allows."""

import pytest

from fixative.errors import WrongSetting
from fixative.hosts import AllowedHosts
from fixative.settings import load_settings


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("cdn.example", "https://cdn.example/a?b=c&d=%20#e"),
        ("cdn.example", "https://CDN.Example?b"),
        ("CDN.example", "https://cdn.example:443"),
        ("*.example", "https://a.b.c.example/"),
        ("http://10.0.0.1:9100", "http://10.0.0.1:9100/a"),
        ("http://10.0.0.1:80/", "http://10.0.0.1/a"),
        ("https://cdn.example:8443", "https://cdn.example:8443/a"),
        ("http://[::1]:9100", "http://[::1]:9100/a"),
        ("http://my_emulator:9100", "http://my_emulator:9100/a"),
    ],
)
def test_an_entry_allows_what_it_names(entry, url):
    assert AllowedHosts((entry,)).allows(url)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("*.cdn.example", "https://cdn.example/"),
        ("*.cdn.example", "https://.cdn.example/"),
        ("*.cdn.example", "https://evilcdn.example/"),
        ("*.cdn.example", "https://a.cdn.example.evil.test/"),
        ("cdn.example", "https://a.cdn.example/"),
        ("cdn.example", "https://cdnxexample/"),
        ("https://cdn.example", "http://cdn.example/"),
        ("https://cdn.example", "https://cdn.example:8443/"),
        ("https://cdn.example", "https://a.cdn.example/"),
        ("http://10.0.0.1:9100", "http://10.0.0.1/"),
        ("http://10.0.0.1:9100", "http://10.0.0.01:9100/"),
        ("http://10.0.0.1:9100", "http://167772161:9100/"),
        ("http://[::1]:9100", "http://[0:0:0:0:0:0:0:1]:9100/"),
        ("cdn.example", "https://cdn.example/" + "a" * 8192),
    ],
)
def test_an_entry_allows_nothing_else(entry, url):
    assert not AllowedHosts((entry,)).allows(url)


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "*.",
        "a*.example",
        "cdn.*.example",
        "cd?.example",
        "cd[nm].example",
        "*.*.example",
        "cdn.example:8443",
        "cdn.example.",
        "cdn.example/a",
        "10.0.0.1",
        "0x7f.1",
        "[::1]",
        "cdn．example",
        "http://cdn.example/a",
        "http://user@cdn.example",
        "ftp://cdn.example",
        "http://",
    ],
)
def test_an_entry_that_could_allow_more_than_it_seems_to_is_refused(entry):
    with pytest.raises(WrongSetting, match="is neither"):
        AllowedHosts(("cdn.example", entry))


def test_a_wrong_entry_stops_the_start(environ):
    with pytest.raises(WrongSetting, match=r"FIXATIVE_ALLOWED_OUTPUT_HOSTS.*'\*' is neither"):
        load_settings({**environ, "FIXATIVE_ALLOWED_OUTPUT_HOSTS": "cdn.example, *"})
