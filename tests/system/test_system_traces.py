"""Traces: whatever any process does for a job is one trace, told to a collector by OTLP."""

from tests.collector import collecting
from tests.listening import listening

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


def test_a_job_from_its_acceptance_to_its_notification_is_one_trace(start, eventually):
    with listening() as subscriber, collecting() as collector:
        system = start(
            **collector.variables,
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

        def whole():
            """The spans once none is missing: a child's may come before its parent's."""
            spans = collector.trace_of(job_id)
            parents = {span.parent_span_id for span in spans} - {b""}
            known = parents <= {span.span_id for span in spans}
            return spans if known and {span.name for span in spans} >= SPANS else None

        spans = eventually(whole)

    assert job["status"] == "succeeded"
    assert collector.paths == {"/v1/traces"}
    assert subscriber.told
    [first] = [span for span in spans if not span.parent_span_id]
    assert first.name == "job"
    name_of = {span.span_id: span.name for span in spans}
    parents = {span.name: name_of[span.parent_span_id] for span in spans if span is not first}
    assert parents["replicate.create"] == "submit"
    assert parents["store.put"] in {"store", "derive"}
    told = collector.text()
    assert job["prediction"]["id"] in told
    for hidden in (PROMPT, "hunter2", system.run["admin_key"]):
        assert hidden not in told
