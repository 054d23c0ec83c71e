"""The whole system behind TLS, and each published client pointed at it by its base URL alone."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from fixative.local.ports import give_up, kept_ports
from tests.authority import Authority, make_authority
from tests.chaos.proxy import Proxy
from tests.clients.client import COMMANDS, Client
from tests.listening import Listener, listening
from tests.system.conftest import System
from tests.waiting import waited_for

OWNER = "clients"
LATENCY = {"*": {"start": 0.02, "run": 0.1}}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who has signed the certificate that the system shows."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    """A service of the user's own that is told by webhooks."""
    with listening() as found:
        yield found


@pytest.fixture(scope="module")
def front(authority: Authority) -> Iterator[Proxy]:
    """What speaks TLS before the system, and can cut every connection."""
    proxy = Proxy(("127.0.0.1", 0), authority.tls)
    yield proxy
    proxy.stop()


@pytest.fixture(scope="module")
def system(
    tmp_path_factory: pytest.TempPathFactory, front: Proxy, listener: Listener
) -> Iterator[System]:
    """One system for all."""
    data_dir = tmp_path_factory.mktemp("system")
    port = kept_ports(data_dir, ["api"])["api"]
    give_up([port])
    front.target = ("127.0.0.1", port)
    running = System(
        data_dir,
        "--no-flower",
        FIXATIVE_PUBLIC_URL=f"https://127.0.0.1:{front.port}",
        REPLICATE_WEBHOOK_URL=f"http://127.0.0.1:{port}/webhook/replicate",
        FIXATIVE_ALLOWED_WEBHOOK_HOSTS=listener.origin,
        FIXATIVE_CREATES_PER_MINUTE="60000",
        FIXATIVE_READS_PER_MINUTE="60000",
    )
    running.configure(latency=LATENCY, creates_per_minute=60000, reads_per_minute=60000)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def key(system: System) -> str:
    """What the clients take for a token of Replicate's."""
    return system.api.post("/admin/keys", json={"owner": OWNER}).raise_for_status().json()["key"]


@pytest.fixture(scope="module")
def start_client(
    system: System, key: str, authority: Authority
) -> Iterator[Callable[[str], Client]]:
    """The client of that name; the same one whenever it is asked for."""
    started: list[Client] = []

    @cache
    def start(name: str) -> Client:
        url = system.environ["FIXATIVE_PUBLIC_URL"]
        started.append(Client(name, url, key, authority.certificate))
        return started[-1]

    yield start
    for client in started:
        client.stop()


@pytest.fixture(params=list(COMMANDS))
def client(request: pytest.FixtureRequest, start_client: Callable[[str], Client]) -> Client:
    """Each of the clients in turn."""
    return start_client(request.param)


@pytest.fixture
def expected(system: System) -> Callable[[str], list[str]]:
    """The SHA-256 of each file that Replicate made for whatever this is a durable URL of."""

    def asked(url: str) -> list[str]:
        job = system.job(urlsplit(url).path.split("/")[2])
        control = f"{system.run['replicate_url']}/_emulator/expected/{job['prediction']['id']}"
        return [item["sha256"] for item in httpx.get(control).raise_for_status().json()]

    return asked


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Wait for a condition to hold, and give what it found."""
    return partial(waited_for, pause=0.1)
