"""A collector of traces on this machine: takes OTLP over HTTP, and keeps every span."""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.served import served


class Collector(ThreadingHTTPServer):
    """Keeps what it is told; by trace and id, so that a span told twice is one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.paths: set[str] = set()
        self.spans: dict[bytes, dict[bytes, Any]] = defaultdict(dict)

    @property
    def variables(self) -> dict[str, str]:
        """What a system has to be told to trace to it, quickly."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.server_port}",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }

    def trace_of(self, job_id: str) -> list[Any]:
        """The spans of a job."""
        return list(self.spans[uuid.UUID(job_id).bytes].values())

    def text(self) -> str:
        """Everything that was told, to be looked through."""
        return "".join(str(span) for spans in self.spans.values() for span in spans.values())


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.add(self.path)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.server.spans[span.trace_id][span.span_id] = span
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens for a block."""
    with served(Collector()) as collector:
        yield collector
