"""Traces go from a client through the batch to its statements; who isn't sampled leaves none."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from inventory.server import start
from inventory.settings import Settings
from inventory.tracing import Tracing, is_wanted
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory_client import InventoryClient, Refused
from tests.rpc.client import Client, Server, eventually, new_id

ADJUST = "inventory.v1.StockService/AdjustStock"
STATEMENTS = ["BEGIN", "ensure_levels", "find_and_lock", "write_stock", "COMMIT"]
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def kept() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    yield exporter
    provider.shutdown()


@pytest.fixture(scope="module")
async def traced(module_dsn: str, kept: InMemorySpanExporter) -> AsyncIterator[Server]:
    async with AsyncExitStack() as stack:
        address = await start(Settings(listen="127.0.0.1:0", tracing=True), module_dsn, stack)
        yield Server(address, module_dsn)


@pytest.fixture
async def client(traced: Server, kept: InMemorySpanExporter) -> AsyncIterator[Client]:
    opened = Client(traced.address)
    yield opened
    await opened.close()
    kept.clear()


def named(kept: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in kept.get_finished_spans() if span.name == name]


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.trace_id)


def span_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def linked(span: ReadableSpan) -> set[int]:
    return {link.context.span_id for link in span.links}


async def waits_for_a_lock(db: asyncpg.Connection) -> bool:
    return bool(
        await db.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


async def test_two_clients_commands_of_one_batch_are_linked_with_it_and_one_trace_reaches_the_statements(
    traced: Server, client: Client, kept: InMemorySpanExporter
) -> None:
    sku, location = await client.stocked(10)
    other, _ = await client.stocked(10, location)
    db = await traced.connect()
    watching = await traced.connect()
    try:
        async with InventoryClient(traced.address, "web") as web, InventoryClient(traced.address, "till") as till:
            for one in (web, till):  # connected, and known
                await one.get_stock(sku, location)
            kept.clear()
            async with db.transaction():
                await db.execute("SELECT FROM level JOIN sku USING (sku_id) WHERE code = $1 FOR UPDATE OF level", other)
                first = asyncio.create_task(client.adjust(other, location, 1))

                async def locked() -> bool:
                    return await waits_for_a_lock(watching)

                await eventually(locked, "the first batch waits for the lock")
                changes = [
                    asyncio.create_task(one.adjust_stock(sku, location, 1, reason="found")) for one in (web, till)
                ]
                for one in (web, till):
                    await one.get_stock(sku, location)
            await asyncio.gather(first, *changes)
    finally:
        await db.close()
        await watching.close()

    calls = [span for span in named(kept, ADJUST) if span.kind is trace.SpanKind.CLIENT]
    served = {trace_of(span): span for span in named(kept, ADJUST) if span.kind is trace.SpanKind.SERVER}
    assert len({trace_of(call) for call in calls}) == len(calls) == 2
    batch = [span for span in named(kept, "batch") if len(span.links) == 2][-1]
    for call in calls:
        server = served[trace_of(call)]
        assert server.parent is not None
        assert server.parent.span_id == span_of(call), "the server's span goes on from the client's"
        assert span_of(server) in linked(batch), "the batch is linked with its command's call"
        assert span_of(batch) in linked(server), "and the call with the batch"
        assert server.attributes is not None
        assert server.attributes["rpc.grpc.status_code"] == 0
    assert batch.parent is not None
    assert batch.parent.span_id in {span_of(served[trace_of(call)]) for call in calls}
    statements = [span for span in kept.get_finished_spans() if span.parent and span.parent.span_id == span_of(batch)]
    assert [span.name.removesuffix("_wide") for span in statements] == STATEMENTS
    for statement in statements:
        assert trace_of(statement) == trace_of(batch)
        assert "SELECT" not in str(dict(statement.attributes or {})), "a query's name, not its text"


async def test_a_refusal_ends_the_servers_span_with_its_code_and_the_clients_as_an_error(
    traced: Server, client: Client, kept: InMemorySpanExporter
) -> None:
    sku, location = await client.stocked(1)
    kept.clear()
    async with InventoryClient(traced.address) as one:
        with pytest.raises(Refused):
            await one.adjust_stock(sku, location, -5, reason="lost")
    (served,) = [span for span in named(kept, ADJUST) if span.kind is trace.SpanKind.SERVER]
    (call,) = [span for span in named(kept, ADJUST) if span.kind is trace.SpanKind.CLIENT]
    assert served.attributes is not None
    assert served.attributes["rpc.grpc.status_code"] == 9
    assert served.status.status_code is trace.StatusCode.UNSET, "a refusal is no error of the server"
    assert call.status.status_code is trace.StatusCode.ERROR


@pytest.mark.parametrize(("flags", "spans"), [("01", True), ("00", False)])
async def test_whether_the_client_samples_decides(
    client: Client, kept: InMemorySpanExporter, flags: str, spans: bool
) -> None:
    sku, location = await client.stocked(1)
    kept.clear()
    await client.stock.AdjustStock(
        stock_pb2.AdjustStockRequest(request_id=new_id(), sku=sku, location=location, delta=1, reason="found"),
        metadata=(("traceparent", f"00-{TRACE_ID}-{SPAN_ID}-{flags}"),),
    )
    found = [
        span.name.removesuffix("_wide") for span in kept.get_finished_spans() if trace_of(span) == int(TRACE_ID, 16)
    ]
    wanted = [*STATEMENTS, "batch", ADJUST] if spans else []
    assert (found[-len(wanted) :] if spans else found) == wanted, (
        "what comes before it is a batch that had to look again"
    )


@pytest.mark.parametrize("told", ["nonsense", "00-0-0-0", "ff" * 2000, "00-" + "0" * 32 + "-" + SPAN_ID + "-01"])
async def test_a_traceparent_that_is_none_is_ignored(client: Client, kept: InMemorySpanExporter, told: str) -> None:
    sku, location = await client.stocked(1)
    kept.clear()
    await client.stock.GetStock(
        stock_pb2.GetStockRequest(sku=sku, location=location), metadata=(("traceparent", told),)
    )
    (served,) = named(kept, "inventory.v1.StockService/GetStock")
    assert served.parent is None


@pytest.mark.parametrize(
    ("setting", "environment", "wanted"),
    [
        (None, {}, False),
        (None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}, True),
        (False, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}, False),
        (True, {}, True),
        (True, {"OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_it_is_on_by_setting_or_by_opentelemetrys_own(
    monkeypatch: pytest.MonkeyPatch, setting: bool | None, environment: dict[str, str], wanted: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_wanted(setting) is wanted


def test_without_it_nothing_of_opentelemetry_is_imported() -> None:
    program = "import sys, inventory.server, inventory_client; sys.exit('opentelemetry' in sys.modules)"
    ours = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", program], check=False, env=ours).returncode == 0


def test_asking_for_it_where_it_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(RuntimeError, match=r"pip install 'inventory\[tracing\]'"):
        Tracing()
