"""Traces: whatever any process does for a job is one trace, told to a collector by OTLP."""

import uuid
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.listening import listening
from tests.served import served

PROMPT = "a heron nobody may read of"
SPANS = {
    "accept",
    "submit",
    "replicate.create",
    "webhook",
    "ingest",
    "store",
    "store.put",
    "derive",
    "record",
    "notify",
    "job",
}


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP, and keeps every span."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.paths = set()
        self.spans = defaultdict(dict)  # by trace and id: one that is told twice is the same

    def trace_of(self, job_id):
        return list(self.spans[uuid.UUID(job_id).bytes].values())


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.add(self.path)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.server.spans[span.trace_id][span.span_id] = span
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def collector():
    with served(Collector()) as server:
        yield server


def test_a_job_from_its_acceptance_to_its_notification_is_one_trace(start, collector, eventually):
    with listening() as subscriber:
        system = start(
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}",
            OTEL_BSP_SCHEDULE_DELAY="200",
            FIXATIVE_ALLOWED_WEBHOOK_HOSTS=subscriber.origin,
        )
        wanted = {
            "model": "black-forest-labs/flux-schnell",
            "input": {"prompt": PROMPT},
            "job_type": "image",
            "webhook": f"{subscriber.url}?token=hunter2",
        }
        job_id = system.api.post("/jobs", json=wanted).raise_for_status().json()["id"]
        job = system.ended(job_id)
        eventually(lambda: {span.name for span in collector.trace_of(job_id)} >= SPANS)
        spans = collector.trace_of(job_id)

    assert job["status"] == "succeeded"
    assert collector.paths == {"/v1/traces"}
    assert subscriber.told
    [first] = [span for span in spans if not span.parent_span_id]
    assert first.name == "job"
    ids = {span.span_id for span in spans}
    assert {span.parent_span_id for span in spans} - {b""} <= ids
    by_name = {span.name: span for span in spans}
    of_submit, of_create = by_name["submit"], by_name["replicate.create"]
    assert of_create.parent_span_id == of_submit.span_id
    assert by_name["store.put"].parent_span_id in {
        by_name["store"].span_id,
        by_name["derive"].span_id,
    }
    told = "".join(str(span) for spans in collector.spans.values() for span in spans.values())
    assert job["prediction"]["id"] in told
    for hidden in (PROMPT, "hunter2", system.run["admin_key"]):
        assert hidden not in told
