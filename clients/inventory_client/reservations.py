"""Reservations: the promise of stock to one owner, from hold to goods issue."""

from __future__ import annotations  # so that `help` names enums, which are objects of protobuf, as we do

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Unpack
from uuid import UUID, uuid4

from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as pb2
from inventory_client.arguments import Line, duration, lines
from inventory_client.calls import Calls, WriteOptions
from inventory_client.sourcing import Degrees, Purpose, Strategy, as_pickup, as_purpose, as_sourcing

PAGE_ROWS = 1_000
ALL_OR_NOTHING = pb2.FILL_POLICY_ALL_OR_NOTHING
Move = tuple[str, str, str] | tuple[str, str, str, int] | pb2.Reallocation
"""(sku, from_location, to_location), all of it, or (sku, from_location, to_location, quantity)."""


def reserve_request(
    wanted: Iterable[Line],
    *,
    ttl: timedelta | None = None,
    fill_policy: pb2.FillPolicy = ALL_OR_NOTHING,
    owner: str = "",
    reference: str = "",
    replace_owner_holds: bool = False,
    strategy: Strategy | str = Strategy.PRIORITY,
    destination: Degrees | None = None,
    split: bool = False,
    purpose: Purpose | str | None = None,
    stock_only: bool = False,
    pickup: str = "",
    by_transfer: bool = False,
    request_id: str | UUID | None = None,
) -> pb2.ReserveRequest:
    """A request for `batch_reserve`; the arguments are those of `reserve`.

    >>> reserve_request([("A-1", "shop-7", 2)], ttl=timedelta(minutes=15)).hold_ttl.seconds
    900
    """
    request = pb2.ReserveRequest(
        request_id=str(request_id or uuid4()),
        lines=lines(wanted),
        fill_policy=fill_policy,
        owner=owner,
        reference=reference,
        replace_owner_holds=replace_owner_holds,
        sourcing=as_sourcing(strategy, destination, split=split),
        purpose=as_purpose(purpose),
        stock_only=stock_only,
        pickup=as_pickup(pickup, by_transfer=by_transfer),
    )
    if ttl is None:
        request.allocate = True
    else:
        request.hold_ttl.CopyFrom(duration(ttl))
    return request


class ReservationCalls(Calls):
    """Of `InventoryClient`: see inventory/v1/reservation_service.proto for every field and reason."""

    async def reserve(
        self,
        wanted: Iterable[Line],
        *,
        ttl: timedelta | None = None,
        fill_policy: pb2.FillPolicy = ALL_OR_NOTHING,
        owner: str = "",
        reference: str = "",
        replace_owner_holds: bool = False,
        strategy: Strategy | str = Strategy.PRIORITY,
        destination: Degrees | None = None,
        split: bool = False,
        purpose: Purpose | str | None = None,
        stock_only: bool = False,
        pickup: str = "",
        by_transfer: bool = False,
        **options: Unpack[WriteOptions],
    ) -> pb2.ReserveResponse:
        """Promises up to 200 lines of (sku, location, quantity), all or nothing unless `fill_policy` says otherwise. A
        `LineQuantity` with `serials` promises these very pieces.

        `ttl`: hold for so long, 1 s to 24 h; None: allocate at once, without expiry. `owner`: whose it is within the
        channel, such as a cart; `replace_owner_holds`: release that owner's other holds in the same step.

        A line without a location (("A-1", "", 2)) is sourced by `strategy` (its name as text does: "nearest") from the
        places the channel sells from, for `purpose` (None: what the channel is for), each line from one place unless
        `split`; `destination` is (latitude, longitude). `stock_only`: refuse rather than back-order. `pickup`: the
        location where the customer comes for it, from its own stock or, `by_transfer`, brought there; lines name no
        location then. Units, serials: see `line`.

        Raises `InsufficientStock`, `NotFound`, `PreconditionFailed` (SKU_RETIRED, LOCATION_RETIRED,
        LOCATION_NOT_SELLING), `InvalidRequest`.

        Example:
            held = await client.reserve([("A-1", "shop-7", 2)], ttl=timedelta(minutes=15), owner="cart 17")
            print(held.reservation.reservation_id, held.revision)

            sourced = await client.reserve([("A-1", "", 3)], strategy=Strategy.FEWEST_PARCELS, split=True)
            print([(line.location, line.allocated) for line in sourced.reservation.lines])
        """
        request = reserve_request(
            wanted,
            ttl=ttl,
            fill_policy=fill_policy,
            owner=owner,
            reference=reference,
            replace_owner_holds=replace_owner_holds,
            strategy=strategy,
            destination=destination,
            split=split,
            purpose=purpose,
            stock_only=stock_only,
            pickup=pickup,
            by_transfer=by_transfer,
        )
        return await self._write(request, pb2.ReserveResponse, options)

    async def batch_reserve(
        self, requests: Iterable[pb2.ReserveRequest], *, timeout_s: float | None = None
    ) -> pb2.BatchReserveResponse:
        """Up to 1,000 requests made by `reserve_request`, each on its own; one result each, in the order asked.
        `row_error` makes exceptions of those that failed; send the same requests again after one that passes, such as
        `Overloaded`: those that were answered are answered again, without another effect."""
        listed = list(requests)
        for request in listed:
            request.request_id = request.request_id or str(uuid4())
        batch = pb2.BatchReserveRequest(requests=listed)
        return await self._call(batch, pb2.BatchReserveResponse, timeout_s, writes=True)

    async def commit(
        self, reservation_id: str, wanted: Iterable[Line] = (), *, reference: str = "", **options: Unpack[WriteOptions]
    ) -> pb2.CommitResponse:
        """Turns what is held (or only `wanted` of it) into a promise to the order `reference`.

        Raises `NotFound`, `ReservationExpired`, `PreconditionFailed` (RESERVATION_STATE, EXCEEDS_HELD).
        """
        request = pb2.CommitRequest(reservation_id=reservation_id, lines=lines(wanted), reference=reference)
        return await self._write(request, pb2.CommitResponse, options)

    async def extend(self, reservation_id: str, ttl: timedelta, **options: Unpack[WriteOptions]) -> pb2.ExtendResponse:
        """Lets the hold run out `ttl` from now. Raises `NotFound`, `ReservationExpired`, `PreconditionFailed`."""
        request = pb2.ExtendRequest(reservation_id=reservation_id, ttl=duration(ttl))
        return await self._write(request, pb2.ExtendResponse, options)

    async def release(
        self, reservation_id: str, wanted: Iterable[Line] = (), *, reason: str = "", **options: Unpack[WriteOptions]
    ) -> pb2.ReleaseResponse:
        """Gives everything (or only `wanted`) back. Raises `NotFound`, `ReservationExpired`, `PreconditionFailed`."""
        request = pb2.ReleaseRequest(reservation_id=reservation_id, lines=lines(wanted), reason=reason)
        return await self._write(request, pb2.ReleaseResponse, options)

    async def fulfil(
        self, reservation_id: str, wanted: Iterable[Line] = (), *, reference: str = "", **options: Unpack[WriteOptions]
    ) -> pb2.FulfilResponse:
        """Issues everything allocated (or only `wanted`): the goods leave. Of a SKU tracked by serial numbers the
        pieces are named here, as `LineQuantity` with `serials`, unless all were named when they were reserved. Raises
        `NotFound`, `PreconditionFailed` (SERIALS_REQUIRED, SERIAL_TAKEN and others)."""
        request = pb2.FulfilRequest(reservation_id=reservation_id, lines=lines(wanted), reference=reference)
        return await self._write(request, pb2.FulfilResponse, options)

    async def reallocate(
        self, reservation_id: str, moves: Iterable[Move], *, reason: str = "", **options: Unpack[WriteOptions]
    ) -> pb2.ReallocateResponse:
        """Moves what is promised to other locations, up to 200 moves, all or nothing; it is never free in between.

        Raises `InsufficientStock`, `NotFound`, `ReservationExpired`, `PreconditionFailed` (RESERVATION_STATE,
        EXCEEDS_HELD, LOCATION_RETIRED, LOCATION_NOT_SELLING), `InvalidRequest`.
        """
        request = pb2.ReallocateRequest(reservation_id=reservation_id, moves=_moves(moves), reason=reason)
        return await self._write(request, pb2.ReallocateResponse, options)

    async def get_reservation(
        self, reservation_id: str, *, min_revision: int = 0, timeout_s: float | None = None
    ) -> core_pb2.Reservation:
        """As it is now. Raises `NotFound`, also for another channel's."""
        request = pb2.GetReservationRequest(reservation_id=reservation_id, min_revision=min_revision)
        return (await self._read(request, pb2.GetReservationResponse, timeout_s)).reservation

    def list_reservations(
        self,
        *,
        state: core_pb2.ReservationState = core_pb2.RESERVATION_STATE_UNSPECIFIED,
        owner: str = "",
        reference: str = "",
        page_size: int = PAGE_ROWS,
        timeout_s: float | None = None,
    ) -> AsyncIterator[core_pb2.Reservation]:
        """The channel's own, newest first. `page_size`: how many are fetched at once, for whoever wants only some."""
        request = pb2.ListReservationsRequest(state=state, owner=owner, reference=reference, page_size=page_size)
        return self._pages(request, pb2.ListReservationsResponse, "reservations", timeout_s)


def _moves(given: Iterable[Move]) -> list[pb2.Reallocation]:
    rows = []
    for position, each in enumerate(given):
        match each:
            case pb2.Reallocation():
                rows.append(each)
            case (str(sku), str(origin), str(target), *quantity):
                rows.append(pb2.Reallocation(sku=sku, from_location=origin, to_location=target, quantity=sum(quantity)))
            case _:
                raise TypeError(
                    'moves are a list of (sku, from_location, to_location), as [("A-1", "shop-7", "shop-8")];'
                    f" moves[{position}] is {each!r:.200}"
                )
    return rows
