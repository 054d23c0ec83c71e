"""What `fixative up` does: start everything in order, keep it running, stop it in order."""

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fixative.errors import WrongSetting
from fixative.local import postgres, seaweedfs, valkey
from fixative.local.children import Children
from fixative.local.data_dir import DataDir, open_data_dir
from fixative.local.environment import METRICS, compose, is_set, needed_servers
from fixative.local.errors import PortTaken
from fixative.local.ports import is_free, kept_ports
from fixative.local.program import Program
from fixative.local.roles import HEARD, STOP_ORDER, System, emulator, programs_of
from fixative.local.run_file import write_run_file
from fixative.local.secrets import kept_secrets
from fixative.local.servers import Server, embedded
from fixative.local.signals import Signals, StopRequested
from fixative.settings import Settings, load_settings

if TYPE_CHECKING:
    from fixative.local.listener import Listener

TEND_SECONDS = 1.0
LISTENER_PATIENCE_SECONDS = 4.0


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    data_dir: Path
    port: int = 8000  # 0: any free one
    emulator: bool = True
    flower: bool = True
    services_only: bool = False


def supervise(
    options: Options,
    *,
    say: Callable[[str], None],
    ready: Callable[[str], None],
    environ: Mapping[str, str] = os.environ,
    programs: Callable[[System], Sequence[Program]] = programs_of,
) -> None:
    """Run the system until SIGINT or SIGTERM; call `ready` when all answer.

    It gets the API's URL, or the word `services` where nothing else runs.

    Raises FixativeError, nothing being left running, when it cannot be started.
    """
    with Signals() as signals, open_data_dir(options.data_dir) as data_dir:
        (data_dir.path / "run.json").unlink(missing_ok=True)  # settings would read the last run's
        for counts in data_dir.subdirectory(METRICS).iterdir():
            counts.unlink()  # of processes that are no more
        system, servers = _plan(options, environ, data_dir)
        settings = load_settings(system.environ)
        children = Children(data_dir)
        try:
            say(f"starting {', '.join(servers) or 'no servers of our own'}")
            children.start([server.program() for server in servers.values()])
            if system.local_replicate and not options.services_only:
                children.start([emulator(system)])
            from fixative.postgres.migrate import upgrade  # takes its time, which is free here

            children.until_ready(signals.wait)
            upgrade(settings.sqlalchemy_url)
            if not options.services_only:
                roles = programs(system)
                say(f"starting {', '.join(program.role for program in roles)}")
                children.start(roles)
                children.until_ready(signals.wait)
                _introduce(system, say)
            listener = _listener(data_dir, settings, say)
            write_run_file(system, settings, children.pids)
            gc.freeze()  # the exit need not look at all that is imported
            ready("services" if options.services_only else system.url("api"))
            while True:
                signals.wait(TEND_SECONDS)
                if children.tend():
                    write_run_file(system, settings, children.pids)
                listener.running = children.running
                for deaf in listener.deaf:
                    if children.restart(deaf.role, deaf.pid):
                        say(f"{deaf.role} is deaf, and is started anew: {deaf.reason}")
        except StopRequested:
            say("stopping")
        finally:
            children.stop(*STOP_ORDER)


def _listener(data_dir: DataDir, settings: Settings, say: Callable[[str], None]) -> "Listener":
    from fixative.local.listener import Listener  # its database takes its time to import
    from fixative.postgres.engine import Database
    from fixative.shared import connect

    listener = Listener(
        data_dir.subdirectory(HEARD),
        Database(
            settings.sqlalchemy_url,
            connections=1,
            patience=LISTENER_PATIENCE_SECONDS,
            prepared=settings.fixative_prepared_statements,
        ),
        connect(settings.redis_url.get_secret_value()),
        say=say,
    )
    listener.begin()
    return listener


def _introduce(system: System, say: Callable[[str], None]) -> None:
    path = system.data_dir.path
    say(f"pages   {system.url('api')}/ui/  (admin_key in {path}/run.json)")
    say(f"API     {system.url('api')}/docs")
    if system.flower:
        say(f"Flower  {system.url('flower')}  (admin, flower_password in {path}/secrets.json)")
    say(f"logs    {path}/logs")


def _plan(
    options: Options, environ: Mapping[str, str], data_dir: DataDir
) -> tuple[System, dict[str, Server]]:
    """What is to run, and where; nothing runs yet."""
    if is_set(environ, "S3_ENDPOINT_URL") and not is_set(environ, "S3_BUCKET"):
        raise WrongSetting("S3_BUCKET: needed where S3_ENDPOINT_URL is set")
    names = (*postgres.PORTS, *valkey.PORTS, *seaweedfs.PORTS, "emulator", "flower")
    ports = kept_ports(data_dir.path, names if options.port else (*names, "api"))
    if options.port:
        ports["api"] = options.port
    if not options.services_only and not is_free(ports["api"]):
        raise PortTaken(f"port {options.port} is taken: choose another with --port")
    secrets = kept_secrets(data_dir.path)
    ours = embedded(data_dir, secrets, ports)
    servers = {role: ours[role] for role in needed_servers(environ)}
    local_replicate = options.emulator and not is_set(environ, "REPLICATE_API_TOKEN")
    whole = compose(
        environ,
        data_dir=data_dir.path,
        secrets=secrets,
        servers=servers,
        api_url=f"http://127.0.0.1:{ports['api']}",
        local_replicate=f"http://127.0.0.1:{ports['emulator']}" if local_replicate else None,
    )
    system = System(
        data_dir=data_dir,
        environ=whole,
        ports=ports,
        flower_password=secrets.flower_password,
        local_replicate=local_replicate,
        flower=options.flower,
    )
    return system, servers
