"""Every process is replaced under load, as a deploy does it: nobody is refused, nothing is late."""

import itertools
import shutil
import ssl
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from bench.paced import Connection, Load, Target
from fixative.local.children import Children
from fixative.local.data_dir import open_data_dir
from fixative.local.ports import kept_ports
from fixative.local.roles import System, emulator
from tests.deploy.fronts import Nginx
from tests.deploy.manifests import of_kind
from tests.upgrade.instances import WORKERS, instance
from tests.waiting import waited_for

pytestmark = [
    pytest.mark.wide,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        shutil.which("nginx") is None, reason="no nginx here: Debian has it in `nginx-light`"
    ),
]

# Jobs a second. What is late under the first of these counts, unless the machine had no room for a
# second set that starts on it: then the next is tried.
RATES = (20.0, 10.0, 5.0, 2.0)
ROOM = 0.35  # of all its processors, unused before
CALM_SECONDS = 10
CALM_JOB_SECONDS = 8  # a slow file takes some three
LATE_SECONDS = 10
ROLES = (*WORKERS, "beat", "api")  # who does the work before who asks for it
BODY = {"model": "emulator/bytes", "input": {"bytes": 20_000}, "job_type": "file"}


@pytest.fixture
def front(tmp_path_factory):
    return Nginx(tmp_path_factory.mktemp("front"))


@pytest.fixture
def replicate(front, tmp_path):
    """A local Replicate that trusts our certificate; its origin."""
    home = tmp_path / "replicate"
    with open_data_dir(home) as data_dir:
        ports = kept_ports(home, ("emulator",))
        environ = {"SSL_CERT_FILE": str(front.certificate)}
        children = Children(data_dir)
        system = System(data_dir, environ, ports, "", local_replicate=True, flower=False)
        try:
            children.start([emulator(system)])
            children.until_ready()
            config = {
                "latency": {"*": {"start": 0.05, "run": 0.5}},
                "creates_per_minute": 60_000,
                "reads_per_minute": 60_000,
                "faults": {"output_slow": 0.05},  # some are in the middle of a file
                "seconds": {"output_slow": 3},
            }
            url = f"{system.url('emulator')}/_emulator/config"
            httpx.post(url, json=config).raise_for_status()
            yield system.url("emulator")
        finally:
            children.stop()


@pytest.fixture
def begin(environ, replicate, front, tmp_path):
    """Start one of each role; they end with the test."""
    ours = {
        **environ,
        "REPLICATE_BASE_URL": replicate,
        "FIXATIVE_ALLOWED_OUTPUT_HOSTS": replicate,
        "FIXATIVE_READS_PER_MINUTE": "60000",
        "FIXATIVE_PUBLIC_URL": front.url,
        "FIXATIVE_TRUSTED_PROXIES": "1",
    }
    count = itertools.count()
    with ExitStack() as running:
        yield lambda role: running.enter_context(
            instance(tmp_path / f"{role}-{next(count)}", ours, role)
        )


def test_a_deploy_under_load_refuses_nobody_and_makes_nothing_late_or_twice(
    begin, front, replicate, settings
):
    tls = ssl.create_default_context(cafile=front.certificate)
    target = Target(front.url, settings.fixative_admin_key.get_secret_value(), BODY, tls)
    running = {role: begin(role) for role in ROLES}
    with front.running(urlsplit(running["api"].url).port):
        warm_up(target)
        for rate in RATES:
            calm, room = calm_load(target, rate)
            if calm.problems or slowest(calm) > CALM_JOB_SECONDS:
                continue
            rolled = Load(target, rate)
            with rolled.running():
                replace_each(running, begin, front, rolled)
                until_more(rolled, seconds=3)  # of the new ones alone
            until_ended(rolled)
            print(
                f"{len(rolled.handed)} jobs, {rate:g} a second: the slowest {slowest(rolled):.1f}"
                f" s, without a deploy {slowest(calm):.1f} s and {room:.0%} of the machine unused"
            )
            check_that_nobody_noticed(calm, rolled, replicate)
            if slowest(rolled) < slowest(calm) + LATE_SECONDS:
                return
            assert room < ROOM, "it was late, and the machine had room"
    raise AssertionError(f"not even {rate:g} jobs a second are done here")


def replace_each(running, begin, front, load):
    """One role after another: the new one stands for a while before the old one is told to end."""
    for role, old in list(running.items()):
        running[role] = begin(role)
        if role == "api":
            front.lead_to(urlsplit(running[role].url).port)
        until_more(load, of_kind("prod", "Deployment")[role]["spec"]["minReadySeconds"])
        old.stop()


def check_that_nobody_noticed(calm, rolled, replicate):
    """Every request was answered, every job succeeded, and none was paid for twice."""
    handed = [*calm.handed, *rolled.handed]
    assert Counter([*calm.problems, *rolled.problems]) == {}
    assert {status for status, _ in rolled.ended.values()} == {"succeeded"}
    creates = httpx.get(f"{replicate}/_emulator/stats").json()["creates"]
    assert {creates["by_job"][each.job_id] for each in handed} == {1}
    assert creates["total"] == sum(creates["by_job"].values())


def calm_load(target, rate):
    """A load while nothing is replaced, and what of all processors is unused meanwhile."""
    load = Load(target, rate)
    with load.running():
        before = processors()
        waited_for(lambda: len(load.handed) >= rate * CALM_SECONDS, pause=0.1)
        idle, all_ = (after - then for after, then in zip(processors(), before, strict=True))
    until_ended(load)
    return load, idle / all_


def processors():
    """The idle time of all processors so far, and all of it (Linux)."""
    times = [int(word) for word in Path("/proc/stat").read_text().split()[1:9]]
    return times[3], sum(times)


def warm_up(target):
    """Until a job has gone all the way: everything is imported and connected."""
    first = Load(target, 2)
    with first.running():
        waited_for(lambda: len(first.handed) > 5, pause=0.1)
    until_ended(first)


def until_more(load, seconds):
    """So many seconds later, by what was handed in."""
    wanted = len(load.handed) + load.rate * seconds
    waited_for(lambda: len(load.handed) >= wanted, pause=0.1)


def until_ended(load):
    connection = Connection(load.target)

    def all_ended():
        load.look(connection)
        return not load.open

    waited_for(all_ended, patience=120, pause=0.5)
    connection.close()


def slowest(load):
    return max(seconds for _, seconds in load.ended.values())
