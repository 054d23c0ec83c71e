"""A real RabbitMQ on ports of its own, that is killed with all it knew and starts anew."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kombu import Connection

from fixative.local.ports import kept_ports
from tests.waiting import waited_for

[SBIN] = Path("/usr/lib/rabbitmq/lib").glob("*/sbin")


class Rabbit:
    """One broker; its URL stays the same."""

    def __init__(self, home: Path) -> None:
        self._home = home
        ports = kept_ports(home, ("amqp", "distribution", "epmd"))
        self.url = f"amqp://guest:guest@127.0.0.1:{ports['amqp']}//"
        self._ports = ports
        self._lives = 0
        self.start()

    def kill(self) -> None:
        """SIGKILL to all its processes."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(60)

    def stop(self) -> None:
        """End it, and its port mapper."""
        if self._process.poll() is None:
            self.kill()
        subprocess.run(["epmd", "-kill"], env=self._environ, capture_output=True, check=False)

    def answers(self) -> bool:
        """Whether it takes connections."""
        assert self._process.poll() is None, (self._home / "log").read_text()
        try:
            with Connection(self.url, connect_timeout=2) as connection:
                connection.connect()
        except (OSError, *Connection(self.url).connection_errors):
            return False
        return True

    def start(self) -> None:
        """Begin on nothing: it knows no queue and no message of an earlier life."""
        self._lives += 1
        home = self._home / str(self._lives)
        home.mkdir()
        config = home / "rabbitmq.conf"
        config.write_text(f"listeners.tcp.1 = 127.0.0.1:{self._ports['amqp']}\n")
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._home),  # where the cookie is kept
            "ERL_EPMD_PORT": str(self._ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "fixative@localhost",
            "RABBITMQ_DIST_PORT": str(self._ports["distribution"]),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_MNESIA_BASE": str(home),
            "RABBITMQ_LOG_BASE": str(home),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        }
        with (self._home / "log").open("w") as log:
            self._process = subprocess.Popen(
                [SBIN / "rabbitmq-server"],
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        waited_for(self.answers, patience=120, pause=0.5)


@contextmanager
def a_rabbit(home: Path) -> Iterator[Rabbit]:
    """A broker, until the block ends."""
    rabbit = Rabbit(home)
    try:
        yield rabbit
    finally:
        rabbit.stop()
