"""`fixative up` with small roles of our own: an API that answers, and a leader with a child.

Run as a script; the arguments are a data directory and a port.
"""

import sys
from functools import partial
from pathlib import Path

import click

from fixative.local.program import Program
from fixative.local.roles import System, answers_http
from fixative.local.supervisor import Options, supervise

API = """
import http.server, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
# Both ignore being asked to end: only a kill of the whole group ends the grandchild.
WORKER = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).write_text(str(subprocess.Popen(["sleep", "600"]).pid))
time.sleep(600)
"""


def fake_programs(system: System) -> list[Program]:
    port = system.ports["api"]
    grandchild = system.data_dir.path / "grandchild"
    grandchild.unlink(missing_ok=True)
    return [
        Program(
            role="api",
            argv=[sys.executable, "-c", API, str(port)],
            answers=partial(answers_http, port, "/healthz"),
            environ=system.environ,
        ),
        Program(
            role="worker-io",
            argv=[sys.executable, "-c", WORKER, str(grandchild)],
            answers=grandchild.exists,
            environ=system.environ,
            grace=0.5,
        ),
    ]


if __name__ == "__main__":
    supervise(
        Options(data_dir=Path(sys.argv[1]), port=int(sys.argv[2])),
        say=partial(click.echo, err=True),
        ready=lambda url: click.echo(f"ready {url}"),
        programs=fake_programs,
    )
