"""What stands below messages: lengths that lie, bombs, deadlines of nothing, and peers that speak no gRPC at all."""

import asyncio
import gc
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import grpc
import pytest

from inventory.domain.refusal import Refusal
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from tests.rpc.client import Client, Server, asks, new_id, refusal, reserve_request, seconds
from tests.rpc.http2 import TIMEOUT_S, RawCall, message

OK, INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL = 0, 3, 4, 8, 13
MIB = 1 << 20
FLAT_BYTES = 64 * MIB
GZIP = (("grpc-encoding", "gzip"),)


def bomb() -> bytes:
    """gzip (RFC 1952) of 1 GiB of zeros: one block's bytes again and again, with the right checksum at the end."""
    zeros, packer, checksum = bytes(MIB), zlib.compressobj(9, zlib.DEFLATED, -15), 0
    first = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(1024):
        checksum = zlib.crc32(zeros, checksum)
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    return header + first + block * 1023 + packer.flush() + struct.pack("<II", checksum, 1024 * MIB)


@dataclass(frozen=True)
class Sent:
    """A call's headers and data, and the status it gets."""

    name: str
    data: Callable[[], bytes]
    code: int
    headers: tuple[tuple[str, str], ...] = ()
    end: bool = True


TABLE = [
    Sent("an empty message, which lacks a SKU", lambda: message(b""), INVALID_ARGUMENT),
    Sent("garbage in a message", lambda: message(b"\xff\xff"), INVALID_ARGUMENT),
    Sent("deadline 0", lambda: message(b""), DEADLINE_EXCEEDED, (("grpc-timeout", "0n"),)),
    Sent("1 GiB declared, nothing sent", lambda: message(b"", declared=1 << 30), RESOURCE_EXHAUSTED, end=False),
    Sent("4 GiB declared, some sent", lambda: message(bytes(MIB), declared=2**32 - 1), RESOURCE_EXHAUSTED, end=False),
    Sent("a message of 9 MiB", lambda: message(bytes(9 * MIB)), RESOURCE_EXHAUSTED),
    Sent("a bomb", lambda: message(bomb(), compressed=True), RESOURCE_EXHAUSTED, GZIP),
    Sent("gzip that is none", lambda: message(b"none", compressed=True), INTERNAL, GZIP),
    Sent("compressed, but not said how", lambda: message(b"", compressed=True), INTERNAL),
    Sent("an unknown compression", lambda: message(b"", compressed=True), INTERNAL, (("grpc-encoding", "none such"),)),
]


@pytest.fixture(scope="module")
async def stocked(server: Server) -> tuple[str, str]:
    client = Client(server.address)
    made = await client.stocked(10)
    await client.close()
    return made


@pytest.mark.parametrize("sent", TABLE, ids=lambda sent: sent.name)
async def test_bad_bytes_get_a_status_and_cost_no_memory(
    sent: Sent, server: Server, client: Client, stocked: tuple[str, str]
) -> None:
    data = sent.data()
    peak = _peak_bytes(reset=True)
    async with RawCall(server.address) as call:
        await call.open("StockService/GetStock", sent.headers)
        await call.send(data, end=sent.end)
        assert await call.status() == sent.code
    assert _peak_bytes() - peak < FLAT_BYTES
    assert (await client.quantities(*stocked)).on_hand == 10


def _peak_bytes(*, reset: bool = False) -> int:
    """The most memory this process, which is the server's too, has used since the reset; elsewhere than on Linux
    nobody tells."""
    if not sys.platform.startswith("linux"):
        return 0
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


async def test_a_call_without_its_message_costs_only_its_stream(server: Server, client: Client) -> None:
    async with RawCall(server.address) as half, RawCall(server.address) as cut:
        await half.open("StockService/GetStock")
        await half.send(message(b"abc", declared=100))
        await cut.open("StockService/GetStock")
        assert await client.sku()


async def test_a_deadline_of_0_starts_no_work(
    server: Server, client: Client, db: asyncpg.Connection, stocked: tuple[str, str]
) -> None:
    request = reserve_request((*stocked, 1))
    async with RawCall(server.address) as call:  # gRPC's own client would round it up to a millisecond
        await call.open("ReservationService/Reserve", (("grpc-timeout", "0n"),))
        await call.send(message(request.SerializeToString()))
        assert await call.status() == DEADLINE_EXCEEDED
    assert await client.sku(), "a write later than that"
    assert not await db.fetchval("SELECT count(*) FROM request WHERE request_id = $1", request.request_id)


PEERS = {
    "HTTP/1.1": b"GET /healthz HTTP/1.1\r\nHost: shop\r\nUser-Agent: curl\r\n\r\n",
    "HTTP/1.1 with a body": b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\nhello",
    "a browser's upgrade": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(range(190)),
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "PostgreSQL": b"\x00\x00\x00\x08\x04\xd2\x16/",
    "zeros": bytes(4096),
    "noise": bytes(range(255, -1, -1)) * 64,
    "a preface and then noise": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 4096,
    "a preface cut off": b"PRI * HTTP/2.0\r\n",
}
REPEATS = 30


@pytest.mark.parametrize("peer", PEERS)
async def test_who_speaks_no_grpc_is_disconnected_without_a_flood_of_log(
    peer: str, server: Server, client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    host, _, port = server.address.rpartition(":")
    for _ in range(REPEATS):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(PEERS[peer])
        writer.write_eof()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while await reader.read(65_536):
                    pass
        except OSError:
            pass  # cut off, which is as good
        finally:
            writer.close()
    assert await client.sku(), "the server goes on"
    said = "".join(capfd.readouterr())
    assert len(said) < 300 * REPEATS, said[:2_000]
    assert "Traceback" not in said


async def test_too_much_metadata_is_refused(client: Client, stocked: tuple[str, str]) -> None:
    sku, location = stocked
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.stock.GetStock(
            stock_pb2.GetStockRequest(sku=sku, location=location),
            metadata=tuple((f"key-{number}", "x" * 1_000) for number in range(100)),
        )
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await client.quantities(*stocked)).on_hand == 10


async def test_a_newer_client_s_fields_are_ignored(client: Client, stocked: tuple[str, str]) -> None:
    sku, location = stocked
    newer = (
        b"\xba\x3e\x05hello"  # field 999, a string
        b"\xc0\x3e\x2a"  # field 1000, a number
        b"\xcb\x3e\xd0\x3e\x01\xcc\x3e"  # field 1001, a group
    )
    asked = stock_pb2.GetStockRequest(sku=sku, location=location).SerializeToString()
    for body in (newer + asked, asked + newer):
        answer = stock_pb2.GetStockResponse.FromString(await client.raw("StockService/GetStock", body))
        assert answer.level.quantities.on_hand == 10
    request = reservation_pb2.ReserveRequest(
        request_id=new_id(), hold_ttl=seconds(60), lines=asks((sku, location, 1)), validate_only=True
    )
    body = request.SerializeToString() + newer
    reserved = reservation_pb2.ReserveResponse.FromString(await client.raw("ReservationService/Reserve", body))
    assert reserved.reservation.lines[0].held == 1


async def test_of_both_of_a_oneof_the_last_counts_as_protobuf_says(client: Client, stocked: tuple[str, str]) -> None:
    common = reservation_pb2.ReserveRequest(request_id=new_id(), lines=asks((*stocked, 1)), validate_only=True)
    hold = reservation_pb2.ReserveRequest(hold_ttl=seconds(60))
    allocate = reservation_pb2.ReserveRequest(allocate=True)
    for parts, held in (((common, hold, allocate), 0), ((common, allocate, hold), 1)):
        body = b"".join(part.SerializeToString() for part in parts)
        answer = reservation_pb2.ReserveResponse.FromString(await client.raw("ReservationService/Reserve", body))
        assert answer.reservation.lines[0].held == held


async def test_a_refused_request_is_forgotten_at_once(client: Client) -> None:
    gc.collect()
    gc.disable()  # which would come by some time
    try:
        before = _holding()
        for _ in range(20):
            assert (await refusal(client.raw("StockService/GetStock", b""))).reason == "SKU_FORMAT"
        assert await client.sku(), "a later call, by which the last refused one has left"
        assert _holding() == before
    finally:
        gc.enable()


def _holding() -> int:
    """How many refusals hold on to the frames they came through, and so to their requests."""
    return sum(isinstance(found, Refusal) and found.__traceback__ is not None for found in gc.get_objects())
