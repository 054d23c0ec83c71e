"""Caddy and nginx as deploy/ has them, before an API that tells what reached it; each a process."""

import json
import re
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from fixative.local.ports import kept_ports
from tests.processes import alive, family
from tests.served import served
from tests.waiting import waited_for

DEPLOY = Path(__file__).parents[2] / "deploy"
NGINX = """
daemon off;
user root;
pid {directory}/pid;
error_log {directory}/log;
events {{}}
http {{
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxied;
    fastcgi_temp_path {directory}/1;
    uwsgi_temp_path {directory}/2;
    scgi_temp_path {directory}/3;
    include {directory}/fixative.conf;
}}
"""


class Api(ThreadingHTTPServer):
    """Answers with what reached it, the body counted."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reached: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Api
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer goes out whole

    def _tell(self) -> None:
        self.server.reached.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = {
            "path": self.path,
            "from": self.headers["X-Forwarded-For"],
            "bytes": len(body),
            "reached": self.server.reached,
        }
        answer = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = _tell  # noqa: N815 - as http.server calls them

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def caddy(directory: Path) -> Iterator[httpx.Client]:
    """A client of it."""
    with ExitStack() as stack:
        api = stack.enter_context(served(Api()))
        ports = kept_ports(directory, ("8080", "8443", "8081"))
        text = (DEPLOY / "caddy" / "Caddyfile").read_text()
        text = re.sub(r"\b(8080|8443|8081)\b", lambda port: str(ports[port[0]]), text)
        (directory / "Caddyfile").write_text(text)
        environ = {
            "FIXATIVE_UPSTREAM": f"127.0.0.1:{api.server_port}",
            "XDG_DATA_HOME": str(directory),
            "XDG_CONFIG_HOME": str(directory),
        }
        program = Path(sys.executable).with_name("caddy")
        command = [program, "run", "--config", directory / "Caddyfile"]
        stack.enter_context(_running(command, directory, environ))
        yield stack.enter_context(_client(f"https://localhost:{ports['8443']}"))


class Nginx:
    """nginx as deploy/ has it, in a directory; before whichever API it was last told."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ports = kept_ports(directory, ("80", "443"))
        self._process: subprocess.Popen[bytes] | None = None
        self.certificate = directory / "fixative.pem"
        self.url = f"https://localhost:{self._ports['443']}"
        _certificate(directory)
        (directory / "nginx.conf").write_text(NGINX.format(directory=directory))

    @contextmanager
    def running(self, api_port: int) -> Iterator[None]:
        """For the block, before the API at this port to begin with."""
        self._configure(api_port)
        program = shutil.which("nginx") or "nginx"
        command: list[str | Path] = [program, "-c", str(self._directory / "nginx.conf")]
        with _running(command, self._directory, {}) as self._process:
            yield

    def lead_to(self, api_port: int) -> None:
        """What `nginx -s reload` does: who asks from now on is led there; others are answered."""
        assert self._process
        before = family(self._process.pid)[1:]
        self._configure(api_port)
        self._process.send_signal(signal.SIGHUP)
        waited_for(lambda: not any(map(alive, before)), pause=0.05)

    def _configure(self, api_port: int) -> None:
        text = (DEPLOY / "nginx" / "fixative.conf").read_text()
        for there, here in {
            "listen 80;": f"listen 127.0.0.1:{self._ports['80']};",
            "listen 443 ": f"listen 127.0.0.1:{self._ports['443']} ",
            "127.0.0.1:8000": f"127.0.0.1:{api_port}",
            "/etc/nginx/tls": str(self._directory),
        }.items():
            assert there in text
            text = text.replace(there, here)
        (self._directory / "fixative.conf").write_text(text)


@contextmanager
def nginx(directory: Path) -> Iterator[httpx.Client]:
    """A client of it."""
    with ExitStack() as stack:
        api = stack.enter_context(served(Api()))
        front = Nginx(directory)
        stack.enter_context(front.running(api.server_port))
        yield stack.enter_context(_client(front.url))


@contextmanager
def _running(
    command: list[str | Path], directory: Path, environ: dict[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    with (directory / "output").open("w") as output:
        process = subprocess.Popen(
            command, cwd=directory, env=environ, stderr=output, stdout=output
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def _client(url: str) -> Iterator[httpx.Client]:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with httpx.Client(base_url=url, verify=trusting, timeout=30) as client:

        def answers() -> bool:
            try:
                return client.get("/healthz").status_code == 200
            except httpx.TransportError:
                return False

        waited_for(answers, pause=0.05)
        yield client


def _certificate(directory: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", directory / "fixative.key", "-out", directory / "fixative.pem"]
    subprocess.run([*command, *files], check=True, capture_output=True)
