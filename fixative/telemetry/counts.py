"""`python -m fixative.telemetry.counts PORT`: what the processes of a machine counted, over HTTP.

For workers whose PROMETHEUS_MULTIPROC_DIR no API shares, as in Kubernetes, where each pod has its
own: the API there tells what it counted itself, and what Postgres and Redis tell of all.
"""

import sys

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector


def main() -> None:
    """Answer until killed; anybody who reaches the port may read."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    server, thread = start_http_server(int(sys.argv[1]), registry=registry)
    print(f"http://127.0.0.1:{server.server_port}/metrics", flush=True)  # noqa: T201
    thread.join()


if __name__ == "__main__":
    main()
