"""A client of the real channel, with what tests make again and again: SKUs, stock, reservations, refusals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1.alarm_service_pb2_grpc import AlarmServiceStub
from inventory.v1.catalog_service_pb2_grpc import CatalogServiceStub
from inventory.v1.channel_service_pb2_grpc import ChannelServiceStub
from inventory.v1.reconciliation_service_pb2_grpc import ReconciliationServiceStub
from inventory.v1.reservation_service_pb2_grpc import ReservationServiceStub
from inventory.v1.stock_count_service_pb2_grpc import StockCountServiceStub
from inventory.v1.stock_service_pb2_grpc import StockServiceStub
from inventory.v1.subscriber_service_pb2_grpc import SubscriberServiceStub
from inventory.v1.transfer_service_pb2_grpc import TransferServiceStub
from inventory.v1.watch_service_pb2_grpc import WatchServiceStub

DOMAIN = "inventory.v1"
PATIENCE_S = 60.0
Metadata = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Server:
    """A running server: its address, its database, and the schema that is its own."""

    address: str
    dsn: str
    schema: str = "inventory"

    async def connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(self.dsn, server_settings={"search_path": self.schema})


class Client:
    """Stubs of every service, and builders. The metadata of a call says which channel it is."""

    def __init__(
        self,
        address: str,
        options: Sequence[tuple[str, Any]] = (),
        interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
    ) -> None:
        self.address = address
        self.channel = grpc.aio.insecure_channel(
            address,
            [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), *options],
            interceptors=interceptors,
        )
        self.alarms = AlarmServiceStub(self.channel)
        self.stock = StockServiceStub(self.channel)
        self.reservations = ReservationServiceStub(self.channel)
        self.catalog = CatalogServiceStub(self.channel)
        self.counts = StockCountServiceStub(self.channel)
        self.channels = ChannelServiceStub(self.channel)
        self.watch = WatchServiceStub(self.channel)
        self.subscribers = SubscriberServiceStub(self.channel)
        self.transfers = TransferServiceStub(self.channel)
        self.reconciliations = ReconciliationServiceStub(self.channel)

    async def close(self) -> None:
        await self.channel.close()

    async def raw(self, method: str, body: bytes, **options: Any) -> bytes:
        """Calls `/inventory.v1.Service/Method` with these very bytes."""
        call: Any = self.channel.unary_unary(f"/inventory.v1.{method}")
        return await call(body, **options)  # type: ignore[no-any-return]

    async def sku(self, code: str = "", **fields: Any) -> str:
        code = code or unique("sku")
        await self.catalog.CreateSku(
            catalog_pb2.CreateSkuRequest(request_id=new_id(), sku=catalog_pb2.Sku(sku=code, **fields))
        )
        return code

    async def location(self, code: str = "", **fields: Any) -> str:
        code = code or unique("loc")
        await self.catalog.CreateLocation(
            catalog_pb2.CreateLocationRequest(
                request_id=new_id(), location=catalog_pb2.Location(location=code, **fields)
            )
        )
        return code

    async def stocked(self, on_hand: int, location: str = "") -> tuple[str, str]:
        """A new SKU with so much on hand, at a new location unless one is named."""
        sku = await self.sku()
        location = location or await self.location()
        if on_hand:
            await self.adjust(sku, location, on_hand)
        return sku, location

    async def adjust(self, sku: str, location: str, delta: int, **fields: Any) -> stock_pb2.AdjustStockResponse:
        return await self.stock.AdjustStock(
            stock_pb2.AdjustStockRequest(
                **{"request_id": new_id(), "reason": "test", **fields},
                sku=sku,
                location=location,
                delta=delta,
            )
        )

    async def allow_backorders(self, sku: str, location: str, limit: int) -> None:
        """So many may wait for it there."""
        await self.stock.SetThresholds(
            stock_pb2.SetThresholdsRequest(request_id=new_id(), sku=sku, location=location, backorder_limit=limit)
        )

    async def retire(self, location: str) -> None:
        await self.catalog.UpdateLocation(
            catalog_pb2.UpdateLocationRequest(
                request_id=new_id(), location=catalog_pb2.Location(location=location, active=False)
            )
        )

    async def receive(
        self, location: str, *lines: tuple[str, int] | stock_pb2.ReceiptLine, **fields: Any
    ) -> stock_pb2.ReceiveStockResponse:
        rows = [
            stock_pb2.ReceiptLine(sku=line[0], quantity=line[1]) if isinstance(line, tuple) else line for line in lines
        ]
        return await self.stock.ReceiveStock(
            stock_pb2.ReceiveStockRequest(**{"request_id": new_id(), **fields}, location=location, lines=rows)
        )

    async def reclassify(
        self, sku: str, location: str, quantity: int, **fields: Any
    ) -> stock_pb2.ReclassifyStockResponse:
        return await self.stock.ReclassifyStock(
            stock_pb2.ReclassifyStockRequest(
                **{"request_id": new_id(), "reason": "test", **fields}, sku=sku, location=location, quantity=quantity
            )
        )

    async def expect(
        self, sku: str, location: str, quantity: int, due_on: str, **fields: Any
    ) -> stock_pb2.SetIncomingResponse:
        line = stock_pb2.IncomingLine(sku=sku, location=location, quantity=quantity, due_on=due_on)
        return await self.stock.SetIncoming(
            stock_pb2.SetIncomingRequest(**{"request_id": new_id(), "reference": "PO", **fields}, lines=[line])
        )

    async def quantities(self, sku: str, location: str) -> core_pb2.Quantities:
        return (await self.level(sku, location)).quantities

    async def level(self, sku: str, location: str) -> core_pb2.Level:
        answer = await self.stock.GetStock(stock_pb2.GetStockRequest(sku=sku, location=location))
        return answer.level

    async def reserve(
        self, *lines: tuple[str, str, int], metadata: Metadata | None = None, **fields: Any
    ) -> reservation_pb2.ReserveResponse:
        return await self.reservations.Reserve(reserve_request(*lines, **fields), metadata=metadata)

    async def hold(self, *lines: tuple[str, str, int], **fields: Any) -> str:
        """The id of a new hold."""
        return (await self.reserve(*lines, **fields)).reservation.reservation_id

    async def commit(self, reservation_id: str, *lines: tuple[str, str, int]) -> core_pb2.Reservation:
        answer = await self.reservations.Commit(
            reservation_pb2.CommitRequest(request_id=new_id(), reservation_id=reservation_id, lines=asks(*lines))
        )
        return answer.reservation

    async def release(self, reservation_id: str, *lines: tuple[str, str, int]) -> core_pb2.Reservation:
        answer = await self.reservations.Release(
            reservation_pb2.ReleaseRequest(request_id=new_id(), reservation_id=reservation_id, lines=asks(*lines))
        )
        return answer.reservation

    async def fulfil(self, reservation_id: str, *lines: tuple[str, str, int]) -> core_pb2.Reservation:
        answer = await self.reservations.Fulfil(
            reservation_pb2.FulfilRequest(request_id=new_id(), reservation_id=reservation_id, lines=asks(*lines))
        )
        return answer.reservation

    async def extend(self, reservation_id: str, ttl_s: float) -> core_pb2.Reservation:
        answer = await self.reservations.Extend(
            reservation_pb2.ExtendRequest(request_id=new_id(), reservation_id=reservation_id, ttl=seconds(ttl_s))
        )
        return answer.reservation

    async def reservation(self, reservation_id: str) -> core_pb2.Reservation:
        answer = await self.reservations.GetReservation(
            reservation_pb2.GetReservationRequest(reservation_id=reservation_id)
        )
        return answer.reservation

    async def movements(self, **filters: Any) -> list[core_pb2.Movement]:
        """The newest rows of the ledger that match, up to a page."""
        answer = await self.stock.ListMovements(stock_pb2.ListMovementsRequest(**filters))
        return list(answer.movements)


@dataclass(frozen=True)
class Refused:
    """How a call ended that was refused."""

    code: str
    reason: str
    domain: str
    metadata: dict[str, str]
    fields: list[str]
    shortages: list[tuple[str, str]]
    resource: tuple[str, str]
    retry: bool
    message: str

    @property
    def what(self) -> tuple[str, str]:
        return self.code, self.reason

    @classmethod
    def of(cls, code: str, message: str, details: Sequence[Any]) -> Refused:
        found: dict[type[Message], Any] = {}
        for detail in details:
            for kind in (
                error_details_pb2.ErrorInfo,
                error_details_pb2.BadRequest,
                error_details_pb2.PreconditionFailure,
                error_details_pb2.ResourceInfo,
                error_details_pb2.RetryInfo,
            ):
                message_of = kind()
                if detail.Unpack(message_of):
                    found[kind] = message_of
        info = found.get(error_details_pb2.ErrorInfo, error_details_pb2.ErrorInfo())
        request = found.get(error_details_pb2.BadRequest, error_details_pb2.BadRequest())
        failure = found.get(error_details_pb2.PreconditionFailure, error_details_pb2.PreconditionFailure())
        resource = found.get(error_details_pb2.ResourceInfo, error_details_pb2.ResourceInfo())
        return cls(
            code,
            info.reason,
            info.domain,
            dict(info.metadata),
            [violation.field for violation in request.field_violations],
            [(violation.subject, violation.description) for violation in failure.violations],
            (resource.resource_type, resource.resource_name),
            error_details_pb2.RetryInfo in found,
            message,
        )


async def refusal(call: Awaitable[object]) -> Refused:
    """How the call was refused; fails when it wasn't."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return of_error(error)
    raise AssertionError(f"not refused: {answer!r}")


def of_error(error: grpc.aio.AioRpcError) -> Refused:
    details: Sequence[Any] = ()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            assert isinstance(value, bytes)
            status = Status.FromString(value)
            assert status.code == error.code().value[0], "the status says another code than the call"
            assert status.message == error.details(), "the status says another text than the call"
            details = status.details
    return Refused.of(error.code().name, error.details() or "", details)


def of_row(error: core_pb2.RowError) -> Refused:
    """The refusal of a row of a bulk request."""
    name = next(code.name for code in grpc.StatusCode if code.value[0] == error.code)
    return Refused.of(name, error.message, error.details)


def reserve_request(
    *lines: tuple[str, str, int], ttl: float | None = 3600, **fields: Any
) -> reservation_pb2.ReserveRequest:
    """With `ttl` None: allocate at once."""
    promise: dict[str, Any] = {"allocate": True} if ttl is None else {"hold_ttl": seconds(ttl)}
    return reservation_pb2.ReserveRequest(**{"request_id": new_id(), **promise, **fields}, lines=asks(*lines))


def asks(*lines: tuple[str, str, int]) -> list[core_pb2.LineQuantity]:
    return [core_pb2.LineQuantity(sku=sku, location=location, quantity=quantity) for sku, location, quantity in lines]


def seconds(number: float) -> Duration:
    whole = int(number)
    return Duration(seconds=whole, nanos=round((number - whole) * 1e9))


def new_id() -> str:
    return str(uuid4())


def unique(word: str) -> str:
    return f"{word}-{uuid4().hex[:12]}"


async def eventually(look: Callable[[], Awaitable[bool]], what: str) -> None:
    """Looks again and again until it is so."""
    end = time.monotonic() + PATIENCE_S
    while not await look():
        assert time.monotonic() < end, f"still not so: {what}"
        await asyncio.sleep(0.02)
