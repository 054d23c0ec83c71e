"""No URL, name or redirect leads a download anywhere but to an allowed host in public."""

import re
import socket
import ssl
import subprocess

import httpcore
import pytest

from fixative.errors import OutputForbidden, OutputUnreachable
from fixative.hosts import AllowedHosts
from fixative.media.addresses import dial
from fixative.media.fetch import Fetcher
from tests.media.nasty_server import CONTENT, answer, nasty, part, redirect, start

HOSTS = ("replicate.delivery", "*.replicate.delivery")
NAME = "x.replicate.delivery"
URL = f"https://{NAME}/a.bin"
PUBLIC, ALSO_PUBLIC = "93.184.216.34", "93.184.216.35"

TRUSTING_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

NOT_PLAIN = "not a plain http or https URL"
ADDRESS = "it is an address, not a name"
NOT_ALLOWED = "it is not among the allowed hosts"
USER = "the URL names a user"

ABSOLUTE = re.compile(r"[a-z]+:[\x21-\x7e]+")  # and what a header can carry
URLS = [
    ("http://10.0.0.1/a", ADDRESS),
    ("https://10.0.0.1/a", ADDRESS),
    ("https://127.0.0.1/a", ADDRESS),
    ("https://169.254.169.254/latest/meta-data/", ADDRESS),
    ("https://[fd00:ec2::254]/latest/meta-data/", ADDRESS),
    ("https://[::1]/a", ADDRESS),
    ("https://[::]/a", ADDRESS),
    ("https://[fe80::1]/a", ADDRESS),
    ("https://[::ffff:10.0.0.1]/a", ADDRESS),
    ("https://[::ffff:a00:1]/a", ADDRESS),
    ("https://[64:ff9b::10.0.0.1]/a", ADDRESS),
    ("https://[2002:a00:1::]/a", ADDRESS),
    ("https://2130706433/a", ADDRESS),
    ("https://017700000001/a", ADDRESS),
    ("https://0177.0.0.1/a", ADDRESS),
    ("https://0x7f000001/a", ADDRESS),
    ("https://0x7f.0x0.0x0.0x1/a", ADDRESS),
    ("https://127.1/a", ADDRESS),
    ("https://127.0.1/a", ADDRESS),
    ("https://0/a", ADDRESS),
    (f"https://{PUBLIC}/a", ADDRESS),
    ("https://localhost/a", NOT_ALLOWED),
    ("https://metadata.google.internal/a", NOT_ALLOWED),
    ("https://replicate.delivery.evil.example/a", NOT_ALLOWED),
    ("https://evilreplicate.delivery/a", NOT_ALLOWED),
    ("https://xn--replicate-delivery-1.evil.example/a", NOT_ALLOWED),
    ("https://evil.example/replicate.delivery", NOT_ALLOWED),
    ("https://evil.example?replicate.delivery", NOT_ALLOWED),
    ("https://evil.example#.replicate.delivery", NOT_ALLOWED),
    ("https://user:secret@replicate.delivery/a", USER),
    ("https://replicate.delivery@evil.example/a", USER),
    ("https://replicate.delivery:443@evil.example/a", USER),
    ("https://@replicate.delivery/a", USER),
    ("https://replicate.delivery@evil.example@replicate.delivery/a", NOT_PLAIN),
    ("https://evil.example\\@replicate.delivery/a", NOT_PLAIN),
    ("https://evil.example\\.replicate.delivery/a", NOT_PLAIN),
    ("https:\\\\replicate.delivery\\a", NOT_PLAIN),
    ("http://replicate.delivery/a", "only over https"),
    ("http://replicate.delivery:443/a", "only over https"),
    ("https://replicate.delivery:22/a", "not on port 22"),
    ("https://replicate.delivery:8443/a", "not on port 8443"),
    ("https://replicate.delivery:99999/a", "not on port 99999"),
    ("https://replicate.delivery:0/a", NOT_PLAIN),
    ("https://replicate.delivery:/a", NOT_PLAIN),
    ("https://replicate.delivery./a", NOT_PLAIN),
    ("https://replicate.delivery../a", NOT_PLAIN),
    ("https://.replicate.delivery/a", NOT_PLAIN),
    ("https://replicate%2edelivery/a", NOT_PLAIN),
    ("https://evil.example%2f.replicate.delivery/a", NOT_PLAIN),
    ("https://evil.example%00.replicate.delivery/a", NOT_PLAIN),
    ("https://replicate。delivery/a", NOT_PLAIN),
    ("https://１２７.０.０.１/a", NOT_PLAIN),
    ("https://ⓡeplicate.delivery/a", NOT_PLAIN),
    ("https://repliсate.delivery/a", NOT_PLAIN),  # the c is Cyrillic
    ("https://replicate.delivery/a\r\nHost: evil.example", NOT_PLAIN),
    ("https://replicate.delivery\r\n.evil.example/a", NOT_PLAIN),
    ("https://replicate.delivery\t/a", NOT_PLAIN),
    (" https://replicate.delivery/a", NOT_PLAIN),
    ("https://replicate.delivery/a\0", NOT_PLAIN),
    ("https://replicate.delivery/a b", NOT_PLAIN),
    ("https:///a", NOT_PLAIN),
    ("https:replicate.delivery/a", NOT_PLAIN),
    ("//replicate.delivery/a", NOT_PLAIN),
    ("https://[::1/a", NOT_PLAIN),
    ("https://[fe80::1%25eth0]/a", NOT_PLAIN),
    ("ftp://replicate.delivery/a", NOT_PLAIN),
    ("file:///etc/passwd", NOT_PLAIN),
    ("file://replicate.delivery/etc/passwd", NOT_PLAIN),
    ("gopher://replicate.delivery:11211/_stats", NOT_PLAIN),
    ("dict://replicate.delivery:11211/stats", NOT_PLAIN),
    ("jar:https://replicate.delivery/a!/b", NOT_PLAIN),
    ("javascript:alert(1)", NOT_PLAIN),
]

INSIDE = {
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "private, large": "10.0.0.1",
    "private, middle": "172.16.0.1",
    "private, small": "192.168.1.1",
    "shared": "100.64.0.1",
    "a cloud's metadata in the shared range": "100.100.100.200",
    "loopback": "127.0.0.1",
    "loopback, elsewhere": "127.9.9.9",
    "link-local": "169.254.0.1",
    "metadata": "169.254.169.254",
    "metadata in the protocol range": "192.0.0.192",
    "a cloud's own services": "168.63.129.16",
    "documentation": "192.0.2.1",
    "benchmarks": "198.18.0.1",
    "the way into 6to4": "192.88.99.1",
    "multicast": "224.0.0.1",
    "multicast, global": "233.252.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 unspecified": "::",
    "IPv6 loopback": "::1",
    "IPv6 private": "fd12:3456::1",
    "IPv6 metadata": "fd00:ec2::254",
    "IPv6 link-local": "fe80::1",
    "IPv6 link-local on an interface": "fe80::1%1",
    "IPv6 site-local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "IPv6 multicast, global": "ff0e::1",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 documentation, newer": "3fff::1",
    "IPv6 discard": "100::1",
    "IPv6 that nobody was given": "4000::1",
    "mapped private": "::ffff:10.0.0.1",
    "mapped loopback": "::ffff:7f00:1",
    "mapped metadata": "::ffff:169.254.169.254",
    "compatible loopback": "::127.0.0.1",
    "NAT64 private": "64:ff9b::10.0.0.1",
    "NAT64 metadata": "64:ff9b::a9fe:a9fe",
    "NAT64, a network's own": "64:ff9b:1::808:808",
    "6to4 private": "2002:a00:1::1",
    "6to4 loopback": "2002:7f00:1::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:f5ff:fffe",
}

IN_PUBLIC = [
    PUBLIC,
    "8.8.8.8",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]


class Internet:
    """Names with what they resolve to, look by look, and who was connected to.

    Whoever is dialled is the local server at `port`; with None, nobody answers.
    """

    def __init__(self, *looks, port=None):
        self.dialled = []
        self._looks = list(looks)
        self._port = port

    def resolve(self, _host, _port):
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]

    def dial(self, address, port, timeout):
        self.dialled.append((address, port))
        if self._port is None:
            raise httpcore.ConnectError("nobody is there")
        return dial("127.0.0.1", self._port, timeout)


def fetcher_in(internet, *origins, tls=TRUSTING_NOBODY):
    return Fetcher(
        AllowedHosts((*HOSTS, *origins)),
        10**9,
        total_seconds=60,
        pauses=(0.0,),
        resolve=internet.resolve,
        dial=internet.dial,
        tls=tls,
    )


def fetch(fetcher, url=URL):
    with fetcher.open(url) as download:
        return b"".join(download.chunks)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """The files of a key and a certificate for NAME that vouches for itself."""
    place = tmp_path_factory.mktemp("certificate")
    key, made = place / "key.pem", place / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=a test"),
            *("-addext", f"subjectAltName=DNS:{NAME}", "-keyout", key, "-out", made),
        ],
        check=True,
        capture_output=True,
    )
    return key, made


@pytest.fixture
def secured(certificate):
    """A server's side of TLS; the names that it was asked for are kept in `asked_for`."""
    key, made = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    asked_for = []
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    return context, asked_for


@pytest.fixture
def trusting(certificate):
    """A client's side of TLS that takes the test's certificate for an authority's."""
    return ssl.create_default_context(cafile=certificate[1])


@pytest.mark.parametrize(("url", "why"), URLS)
def test_a_url_that_leads_elsewhere_is_never_followed(url, why):
    internet = Internet([PUBLIC])
    fetcher = fetcher_in(internet)

    with pytest.raises(OutputForbidden, match=why) as raised:
        fetch(fetcher, url)

    assert not raised.value.retryable
    assert internet.dialled == []
    assert not fetcher.allowed.allows(url)


@pytest.mark.parametrize(("url", "why"), [row for row in URLS if ABSOLUTE.fullmatch(row[0])])
def test_a_redirect_there_is_not_followed_either(url, why):
    with nasty(redirect(url)) as server:
        internet = Internet(["127.0.0.1"], port=server.port)

        with pytest.raises(OutputForbidden, match=why):
            fetch(fetcher_in(internet, server.origin), server.origin)

    assert internet.dialled == [("127.0.0.1", server.port)]


@pytest.mark.parametrize("address", INSIDE.values(), ids=INSIDE)
def test_a_name_that_resolves_inside_is_not_connected_to(address):
    internet = Internet([address])

    with pytest.raises(OutputForbidden) as raised:
        fetch(fetcher_in(internet))

    reason = f"{NAME} resolves to {address}, which is not a public address"
    assert str(raised.value) == reason
    assert internet.dialled == []


@pytest.mark.parametrize("addresses", [[PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC]])
def test_one_address_inside_is_enough(addresses):
    internet = Internet(addresses)

    with pytest.raises(OutputForbidden, match=r"resolves to 10\.0\.0\.1"):
        fetch(fetcher_in(internet))

    assert internet.dialled == []


@pytest.mark.parametrize("address", IN_PUBLIC)
def test_a_public_address_is_connected_to(address):
    internet = Internet([address])

    with pytest.raises(OutputUnreachable, match="takes no connection: nobody is there"):
        fetch(fetcher_in(internet))

    assert internet.dialled == [(address, 443)]


def test_every_public_address_of_a_name_is_tried_in_turn():
    internet = Internet([PUBLIC, ALSO_PUBLIC])

    with pytest.raises(OutputUnreachable):
        fetch(fetcher_in(internet))

    assert internet.dialled == [(PUBLIC, 443), (ALSO_PUBLIC, 443)]


def test_a_name_that_this_machine_resolves_to_itself_is_refused():
    fetcher = Fetcher(AllowedHosts(("localhost",)), 1000)

    with pytest.raises(OutputForbidden, match="localhost resolves to"):
        fetch(fetcher, "https://localhost/a")


def test_a_name_that_does_not_resolve_may_do_so_later():
    def unknown(host, port):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    fetcher = Fetcher(AllowedHosts(HOSTS), 1000, resolve=unknown)

    with pytest.raises(OutputUnreachable, match=r"does not resolve: .*Temporary") as raised:
        fetch(fetcher)
    assert raised.value.retryable


def test_the_connection_goes_to_the_address_that_was_looked_at(secured, trusting):
    context, asked_for = secured
    with nasty(answer(), tls=context) as server:
        internet = Internet([PUBLIC], ["10.0.0.1"], port=server.port)
        fetcher = fetcher_in(internet, tls=trusting)

        assert fetch(fetcher) == CONTENT
        with pytest.raises(OutputForbidden, match=r"resolves to 10\.0\.0\.1"):
            fetch(fetcher)

    assert internet.dialled == [(PUBLIC, 443)]
    assert asked_for == [NAME]
    assert [asked["host"] for asked in server.requests] == [NAME]


def test_a_name_that_moves_inside_while_a_file_is_cut_is_not_followed(secured, trusting):
    with nasty(start(10), part(10), tls=secured[0]) as server:
        internet = Internet([PUBLIC], ["169.254.169.254"], port=server.port)

        with pytest.raises(OutputForbidden, match=r"resolves to 169\.254\.169\.254"):
            fetch(fetcher_in(internet, tls=trusting))

    assert internet.dialled == [(PUBLIC, 443)]


def test_a_cut_file_is_continued_at_the_address_that_its_name_then_has(secured, trusting):
    with nasty(start(10), part(10), tls=secured[0]) as server:
        internet = Internet([PUBLIC], [ALSO_PUBLIC], port=server.port)

        assert fetch(fetcher_in(internet, tls=trusting)) == CONTENT

    assert internet.dialled == [(PUBLIC, 443), (ALSO_PUBLIC, 443)]


def test_a_certificate_for_another_name_is_not_taken(secured, trusting):
    with nasty(answer(), tls=secured[0]) as server:
        internet = Internet([PUBLIC], port=server.port)

        with pytest.raises(OutputUnreachable, match="Hostname mismatch"):
            fetch(fetcher_in(internet, tls=trusting), "https://y.replicate.delivery/a")

    assert server.requests == []


def test_a_certificate_that_nobody_vouches_for_is_not_taken(secured):
    with nasty(answer(), tls=secured[0]) as server:
        internet = Internet([PUBLIC], port=server.port)

        with pytest.raises(OutputUnreachable, match="certificate verify failed"):
            fetch(fetcher_in(internet, tls=None))

    assert server.requests == []


def test_a_redirect_to_a_name_that_resolves_inside_is_not_followed():
    with nasty(redirect(URL)) as server:
        internet = Internet(["127.0.0.1"], ["10.0.0.1"], port=server.port)

        with pytest.raises(OutputForbidden, match=f"{NAME} resolves to"):
            fetch(fetcher_in(internet, server.origin), server.origin)


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("//evil.example/a", NOT_ALLOWED),
        ("http://127.0.0.1:1/a", ADDRESS),
        ("http://localhost:{port}/a", NOT_ALLOWED),
        ("https://127.0.0.1:{port}/a", ADDRESS),
        ("http://127.0.0.1:{port}@evil.example/a", USER),
        ("/a\\b", NOT_PLAIN),
        ("//[::1/a", NOT_PLAIN),
        ("http://127.0.0.1:{port}/é", NOT_PLAIN),
    ],
)
def test_an_origin_that_is_named_is_named_exactly(location, why):
    def behave(connection, over):
        port = connection.getsockname()[1]
        redirect(location.format(port=port))(connection, over)

    with nasty(behave) as server, pytest.raises(OutputForbidden, match=why):
        fetch(Fetcher(AllowedHosts((*HOSTS, server.origin)), 10**9), server.origin)

    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_three_redirects_are_followed(status):
    on = redirect("../b?c=d", f"{status} Elsewhere")
    with nasty(on, on, on, answer()) as server:
        fetcher = Fetcher(AllowedHosts((server.origin,)), 10**9)
        assert fetch(fetcher, server.origin) == CONTENT

    assert len(server.requests) == 4


def test_a_fourth_redirect_is_not_followed():
    with nasty(redirect("/again")) as server:
        fetcher = Fetcher(AllowedHosts((server.origin,)), 10**9)
        with pytest.raises(OutputForbidden, match="redirected more than 3 times"):
            fetch(fetcher, server.origin)

    assert len(server.requests) == 4
