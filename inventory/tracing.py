"""Traces by OpenTelemetry, which is optional: a call, the batch that carried its command out, and each of the batch's
statements.

OpenTelemetry is imported when a `Tracing` is made, and never otherwise. A batch belongs to the trace of its first
sampled command and is linked with all of them, in both directions; a batch without one isn't traced.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE_DEFAULT = "inventory"
LINKS_MAX = 128
"""Of a batch; more commands than that are not all linked."""


def is_wanted(setting: bool | None) -> bool:
    """Whether to trace: as set, else when OpenTelemetry's own variables name an endpoint."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    return any(map(os.environ.get, ENDPOINTS)) if setting is None else setting


class Tracing:
    """Makes spans. One lane uses it: one batch at a time."""

    def __init__(self) -> None:
        """By the provider of spans that the process has, else by one of its own that exports by OTLP, set up by the
        variables OTEL_…. Raises `RuntimeError` when OpenTelemetry isn't installed."""
        if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
            raise RuntimeError(
                "traces are asked for, but OpenTelemetry isn't installed: pip install 'inventory[tracing]'"
            )
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._trace = trace
        self._provider = None
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            self._provider = _exporting()
            trace.set_tracer_provider(self._provider)
        self._tracer = trace.get_tracer("inventory")
        self._w3c = TraceContextTextMapPropagator()
        self._batch: Any = None

    def close(self) -> None:
        """Exports what is left. May block for some seconds."""
        if self._provider is not None:
            self._provider.shutdown()

    @contextmanager
    def call(self, path: str, metadata: Mapping[str, str]) -> Iterator[Any]:
        """The span of a served call for the length of the block, a child of the client's if that told one. `path` is
        /package.Service/Method. Gives the span, for `finish`."""
        service, _, method = path.strip("/").rpartition("/")
        with self._tracer.start_as_current_span(
            path.strip("/"),
            context=self._w3c.extract(metadata),
            kind=self._trace.SpanKind.SERVER,
            attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": method},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    def finish(self, span: Any, code: int, code_name: str, channel: str) -> None:
        """How the call ended: a gRPC status code. What is the server's fault is an error."""
        span.set_attribute("rpc.grpc.status_code", code)
        span.set_attribute("inventory.channel", channel)
        if code_name in ("INTERNAL", "UNKNOWN", "UNAVAILABLE", "DEADLINE_EXCEEDED"):
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, code_name))

    def current(self) -> Any:
        """The span of the call that is being served; None: it isn't sampled."""
        span = self._trace.get_current_span()
        return span if span.is_recording() else None

    def trace_id(self) -> str:
        """Of the call that is being served; '': none."""
        context = self._trace.get_current_span().get_span_context()
        return f"{context.trace_id:032x}" if context.is_valid else ""

    @contextmanager
    def batch(self, spans: Sequence[Any]) -> Iterator[None]:
        """The span of a batch for the length of the block; `spans` are its commands', None where there is none."""
        traced = [span for span in spans if span is not None]
        if not traced:
            yield
            return
        contexts = [span.get_span_context() for span in traced[:LINKS_MAX]]
        span = self._tracer.start_span(
            "batch",
            context=self._trace.set_span_in_context(traced[0]),
            links=[self._trace.Link(context) for context in contexts],
            attributes={"inventory.batch.commands": len(spans)},
        )
        for command in traced:
            if command.is_recording():  # else its caller has gone
                command.add_link(span.get_span_context())
        self._batch = self._trace.set_span_in_context(span)
        try:
            yield
        except Exception as error:
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            self._batch = None
            span.end()

    @contextmanager
    def statement(self, name: str) -> Iterator[None]:
        """The span of one statement of the batch, by its query's name; neither SQL nor values are in it."""
        if self._batch is None:
            yield
            return
        span = self._tracer.start_span(
            name,
            context=self._batch,
            kind=self._trace.SpanKind.CLIENT,
            attributes={"db.system.name": "postgresql", "db.query.summary": name},
        )
        try:
            yield
        except Exception as error:
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            span.end()


def _exporting() -> Any:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: SERVICE_DEFAULT}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
