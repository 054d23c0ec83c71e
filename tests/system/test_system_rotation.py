"""Each secret is rotated under a steady stream of jobs, and no process is started anew for it."""

import secrets
import threading

import httpx
import psycopg
import pytest
from psycopg import sql

from fixative.local.ports import give_up, kept_ports

pytestmark = pytest.mark.timeout(400)

PAUSE = 0.15  # between two jobs
MORE = 12  # jobs that begin and end after each rotation
OLD_SIGNS, NEW_SIGNS = "whsec_b2xkLW9sZC1vbGQtb2xk", "whsec_bmV3LW5ldy1uZXctbmV3"


@pytest.fixture
def database(databases):
    """A database of this test's own, whose owner has a password to rotate: its URL, how to."""
    url, name = databases.make(), f"role_{secrets.token_hex(4)}"
    who, place = sql.Identifier(name), url.rpartition("@")[2]
    with psycopg.connect(url, autocommit=True) as administrator:

        def give(password):
            administrator.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(who, password))

        def end_connections():
            administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [name]
            )

        administrator.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER").format(who))
        yield give, end_connections, lambda password: f"postgresql://{name}:{password}@{place}"
        end_connections()
        administrator.execute(sql.SQL("DROP ROLE {}").format(who))
    databases.drop(url)


class Stream:
    """Jobs, one after the other, for as long as the block lasts."""

    def __init__(self, system):
        self._system = system
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.job_ids, self.error = [], None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(100)

    def _run(self):
        try:
            while not self._over.wait(PAUSE):
                self.job_ids.append(self._system.submit(prompt=f"cat {len(self.job_ids)}"))
        except (AssertionError, httpx.HTTPError) as error:
            self.error = error


def test_token_webhook_secret_and_password_are_rotated_and_no_job_fails_or_is_doubled(
    start, replicate, database, tmp_path, eventually
):
    give, end_connections, url_with = database
    passwords = [secrets.token_hex(12) for _ in range(2)]
    files = {
        name: tmp_path / name
        for name in ("DATABASE_URL", "REPLICATE_API_TOKEN", "REPLICATE_WEBHOOK_SECRET")
    }

    def put(name, value):
        new = tmp_path / "new"
        new.write_text(value)
        new.rename(files[name])

    def configure(**config):
        httpx.post(f"{replicate}/_emulator/config", json=config).raise_for_status()

    give(passwords[0])
    put("DATABASE_URL", url_with(passwords[0]))
    put("REPLICATE_API_TOKEN", "r8_the_old_token")
    put("REPLICATE_WEBHOOK_SECRET", OLD_SIGNS)
    configure(tokens=["r8_the_old_token"], webhook_secret=OLD_SIGNS, creates_per_minute=60000)
    port = kept_ports(tmp_path, ["api"])["api"]
    give_up([port])  # to the system, which takes it at once
    system = start(
        *("--port", str(port)),
        REPLICATE_BASE_URL=replicate,
        FIXATIVE_PUBLIC_URL=f"http://127.0.0.1:{port}",
        FIXATIVE_ALLOWED_OUTPUT_HOSTS=replicate,
        FIXATIVE_POLL_SECONDS="300",  # what ends in time is told by webhooks alone
        **{f"{name}_FILE": str(path) for name, path in files.items()},
    )
    pids = system.pids

    with Stream(system) as stream:

        def more_end():
            wanted = len(stream.job_ids) + MORE
            eventually(lambda: stream.error or len(stream.job_ids) >= wanted)
            system.all_ended(stream.job_ids[:wanted])

        more_end()
        configure(tokens=["r8_the_new_token"])
        put("REPLICATE_API_TOKEN", "r8_the_new_token")
        more_end()
        put("REPLICATE_WEBHOOK_SECRET", f"{NEW_SIGNS},{OLD_SIGNS}")
        configure(webhook_secret=NEW_SIGNS)
        more_end()
        put("REPLICATE_WEBHOOK_SECRET", NEW_SIGNS)
        more_end()
        give(passwords[1])
        put("DATABASE_URL", url_with(passwords[1]))
        end_connections()
        more_end()

    assert stream.error is None
    ended = system.all_ended(stream.job_ids)
    assert {job["status"] for job in ended} == {"succeeded"}
    stats = httpx.get(f"{replicate}/_emulator/stats").json()
    assert stats["creates"]["total"] == len(stream.job_ids)
    assert system.creates_of(stream.job_ids) == {1}
    assert system.pids == pids
    eventually(lambda: system.run["database_url"] == url_with(passwords[1]))
    assert system.stop() == 0
    logs = "".join(path.read_text() for path in (system.data_dir / "logs").iterdir())
    assert '"secret_rotated"' in logs
    hidden = (*passwords, "r8_the_old_token", "r8_the_new_token", OLD_SIGNS, NEW_SIGNS)
    assert not [secret for secret in hidden if secret in logs]
