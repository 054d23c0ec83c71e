"""Spans by OpenTelemetry, sent to the collector that the usual OTEL_ variables name.

Imported only where one is named: see tracing.py.
"""

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from hashlib import sha256
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

FIRST = "job"
_given: ContextVar[uuid.UUID | None] = ContextVar("given", default=None)


class Spans:
    """The spans of this process. Errors are told by their class: what they say may quote users."""

    def __init__(self) -> None:
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: "fixative"}
        self._provider = TracerProvider(id_generator=_Ids(), resource=Resource.create(named))
        self._provider.sampler = _Evenly(self._provider.sampler)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("fixative")

    @contextmanager
    def span(self, name: str, job_id: uuid.UUID | None, about: Mapping[str, Any]) -> Iterator[None]:
        """See `tracing.span`."""
        under_way = trace.get_current_span().get_span_context()
        if job_id is None and not under_way.is_valid:
            yield
            return
        inside = job_id is None or under_way.trace_id == job_id.int
        with self._tracer.start_as_current_span(
            name,
            context=None if inside or job_id is None else self._under_the_first(job_id),
            attributes=_attributes(about),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except Exception as error:
                span.set_status(trace.StatusCode.ERROR, type(error).__name__)
                raise

    def tell(
        self,
        name: str,
        job_id: uuid.UUID,
        began: datetime,
        ended: datetime,
        about: Mapping[str, Any],
    ) -> None:
        """See `tracing.tell`."""
        self._tracer.start_span(
            name,
            context=self._under_the_first(job_id),
            attributes=_attributes(about),
            start_time=_nanoseconds(began),
        ).end(_nanoseconds(ended))

    def tell_job(
        self, job_id: uuid.UUID, began: datetime, ended: datetime, about: Mapping[str, Any]
    ) -> None:
        """See `tracing.tell_job`."""
        token = _given.set(job_id)
        try:
            first = self._tracer.start_span(
                FIRST,
                context=Context(),
                attributes=_attributes(about),
                start_time=_nanoseconds(began),
            )
        finally:
            _given.reset(token)
        first.end(_nanoseconds(ended))

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _under_the_first(self, job_id: uuid.UUID) -> Context:
        """As if the job's first span, which is told last, were there."""
        decision = self._provider.sampler.should_sample(None, job_id.int, FIRST).decision
        flag = (
            trace.TraceFlags.SAMPLED
            if decision is Decision.RECORD_AND_SAMPLE
            else trace.TraceFlags.DEFAULT
        )
        first = trace.SpanContext(
            job_id.int, _first_span(job_id), is_remote=True, trace_flags=trace.TraceFlags(flag)
        )
        return trace.set_span_in_context(trace.NonRecordingSpan(first), Context())


class _Ids(RandomIdGenerator):
    """Random ids, but for a job's first span."""

    def generate_trace_id(self) -> int:
        job_id = _given.get()
        return super().generate_trace_id() if job_id is None else job_id.int

    def generate_span_id(self) -> int:
        job_id = _given.get()
        return super().generate_span_id() if job_id is None else _first_span(job_id)


class _Evenly(Sampler):
    """A sampler, which takes ids for random, made to share out jobs, whose ids are times."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def should_sample(
        self, parent_context: Context | None, trace_id: int, *about: Any, **more: Any
    ) -> SamplingResult:
        shuffled = int.from_bytes(sha256(trace_id.to_bytes(16)).digest()[:16])
        return self._sampler.should_sample(parent_context, shuffled, *about, **more)

    def get_description(self) -> str:
        return self._sampler.get_description()


def _first_span(job_id: uuid.UUID) -> int:
    return int.from_bytes(sha256(job_id.bytes).digest()[:8])


def _attributes(about: Mapping[str, Any]) -> dict[str, Any]:
    return {f"fixative.{name}": value for name, value in about.items() if value is not None}


def _nanoseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000) * 1000
