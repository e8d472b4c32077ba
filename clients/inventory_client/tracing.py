"""Spans of calls, in programs that use OpenTelemetry."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from google.protobuf.message import Message

from inventory_client.errors import InventoryError


class Tracing:
    """Makes a span of each call, all its tries together, and tells it to the server as W3C's traceparent."""

    def __init__(self) -> None:
        """Use `of_program`."""
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._trace = trace
        self._tracer = trace.get_tracer("inventory_client")
        self._w3c = TraceContextTextMapPropagator()

    @classmethod
    def of_program(cls) -> Self | None:
        """None unless the program has imported OpenTelemetry's API: then nothing is imported, and nothing costs."""
        return cls() if "opentelemetry.trace" in sys.modules else None

    @contextmanager
    def call(self, request_type: type[Message]) -> Iterator[None]:
        """A span for the length of the block."""
        (service,) = request_type.DESCRIPTOR.file.services_by_name.values()
        method = request_type.DESCRIPTOR.name.removesuffix("Request")
        with self._tracer.start_as_current_span(
            f"{service.full_name}/{method}",
            kind=self._trace.SpanKind.CLIENT,
            attributes={"rpc.system": "grpc", "rpc.service": service.full_name, "rpc.method": method},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except InventoryError as error:
                self._fail(span, error.code)
                raise

    def told(self) -> list[tuple[str, str]]:
        """The metadata that tells the present span to the server."""
        told: dict[str, str] = {}
        self._w3c.inject(told)
        return list(told.items())

    def _fail(self, span: Any, code: str) -> None:
        span.set_attribute("inventory.code", code)
        span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, code))
