"""What the log says of calls, by setting; and that nobody can flood it or write lines of their own into it."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import grpc
import pytest

from inventory.v1 import stock_service_pb2 as stock_pb2
from tests.race.house import Client, House, until, within
from tests.race.processes import Server

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = (("traceparent", f"00-{TRACE_ID}-00f067aa0ba902b7-00"), ("inventory-channel", "web"))
RESERVE = "/inventory.v1.ReservationService/Reserve"


@pytest.fixture
async def house(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    async with House(dsn, request.node.name) as house:
        yield house


def calls(server: Server, *events: str) -> list[dict[str, Any]]:
    """The lines about calls of a JSON log."""
    lines = [json.loads(line) for line in server.said if line.startswith("{")]
    return [line for line in lines if line["event"] in (events or ("a call", "a method failed"))]


async def said(server: Server, number: int, *events: str) -> list[dict[str, Any]]:
    async def there() -> bool:
        return len(calls(server, *events)) >= number

    await until(there)
    return calls(server, *events)


async def adjust(client: Client, request_id: str, sku: str = "a") -> int:
    request = stock_pb2.AdjustStockRequest(request_id=request_id, sku=sku, location="shop", delta=1, reason="found")
    answer = await client.stock.AdjustStock(request, metadata=TRACED)
    return int(answer.revision)


async def refused(client: Client, body: bytes, metadata: Any = ()) -> str:
    call: Any = client.channel.unary_unary(RESERVE)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(body, metadata=metadata)
    return str(caught.value.code().name)


@within(60)
async def test_a_line_about_a_write_says_who_what_and_how_it_went(house: House) -> None:
    server, client = await house.server(None, "--log-json", "--log-calls", "writes")
    await house.stock(client, {"a": 10})
    before = len(calls(server))
    request_id = house.uuid()
    revision = await adjust(client, request_id)
    await house.ping(client)  # a read, of which nothing is said
    with suppress(grpc.aio.AioRpcError):
        await adjust(client, other := house.uuid(), "no-such")
    well, unwell = (await said(server, before + 2))[before:]
    assert well["ms"] > 0
    assert {
        name: well[name] for name in ("method", "code", "channel", "request_id", "revision", "trace_id", "level")
    } == {
        "method": "StockService/AdjustStock",
        "code": "OK",
        "channel": "web",
        "request_id": request_id,
        "revision": revision,
        "trace_id": TRACE_ID,
        "level": "info",
    }
    assert (unwell["code"], unwell["request_id"]) == ("NOT_FOUND", other)
    assert "revision" not in unwell


@within(60)
async def test_all_calls_are_said_if_wanted_and_none_if_not(house: House) -> None:
    talkative, client = await house.server(None, "--log-json", "--log-calls", "all")
    silent, other = await house.server(None, "--log-json", "--log-calls", "none")
    await house.ping(client)
    (line,) = await said(talkative, 1)
    assert (line["method"], line["code"]) == ("StockService/BatchGetStock", "OK")
    await house.sql.execute("ALTER TABLE level RENAME COLUMN held TO canary")
    for stub in (client, other):
        with pytest.raises(grpc.aio.AioRpcError):
            await house.ping(stub)
    await said(talkative, 2)
    (defect,) = await said(silent, 1)
    assert defect["event"] == "a method failed", "a defect is said whatever is set"


@within(60)
async def test_by_default_only_defects_are_said_with_the_way_through_the_code_and_only_so_many(house: House) -> None:
    server, client = await house.server(None, "--log-json")
    await house.stock(client, {"a": 10})
    await adjust(client, house.uuid())
    with suppress(grpc.aio.AioRpcError):
        await adjust(client, house.uuid(), "no-such")
    assert calls(server) == []
    await house.sql.execute("ALTER TABLE level RENAME COLUMN held TO canary")
    for _ in range(60):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await house.ping(client)
        assert caught.value.code() is grpc.StatusCode.INTERNAL
    lines = await said(server, 20)
    assert 20 <= len(lines) <= 30
    assert lines[0]["level"] == "error"
    assert re.search(r"\w+\.py:\d+", lines[0]["error"])
    (left_out,) = await said(server, 1, "lines about calls were left out")
    assert left_out["lines"] + len(calls(server)) == 60


@within(60)
@pytest.mark.parametrize("log_json", [True, False])
async def test_a_stream_of_garbage_leaves_no_line(house: House, log_json: bool) -> None:
    server, client = await house.server(None, *(["--log-json"] if log_json else []))
    before = len(server.said)
    for number in range(200):
        assert await refused(client, bytes([0xFF, number])) == "INVALID_ARGUMENT"
    await house.ping(client)
    assert server.said[before:] == []


@within(60)
async def test_what_a_caller_writes_begins_no_line_and_steers_no_terminal(house: House) -> None:
    server, client = await house.server(None, "--log-calls", "all")
    before = len(server.said)
    for request_id in ("x\r\n2026-11-25 [error] forged", "\x1b[2Jgone", "not a uuid"):
        body = stock_pb2.AdjustStockRequest(request_id=request_id, sku="\x1b[31m\n").SerializeToString()
        assert await refused(client, body, (("inventory-channel", "Forged name"), ("traceparent", "nonsense"))) != "OK"
    await house.ping(client)

    async def told() -> bool:
        return len(server.said) - before >= 4

    await until(told)
    lines = server.said[before:]
    assert len(lines) == 4
    for line in lines:
        assert "a call" in line
        assert "\x1b" not in line
        assert "forged" not in line.lower()
