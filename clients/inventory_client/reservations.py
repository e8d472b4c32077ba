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

PAGE_ROWS = 1_000
ALL_OR_NOTHING = pb2.FILL_POLICY_ALL_OR_NOTHING


def reserve_request(
    wanted: Iterable[Line],
    *,
    ttl: timedelta | None = None,
    fill_policy: pb2.FillPolicy = ALL_OR_NOTHING,
    owner: str = "",
    reference: str = "",
    replace_owner_holds: bool = False,
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
        **options: Unpack[WriteOptions],
    ) -> pb2.ReserveResponse:
        """Promises up to 200 lines of (sku, location, quantity), all or nothing unless `fill_policy` says otherwise. A
        `LineQuantity` with `serials` promises these very pieces.

        `ttl`: hold for so long, 1 s to 24 h; None: allocate at once, without expiry. `owner`: whose it is within the
        channel, such as a cart; `replace_owner_holds`: release that owner's other holds in the same step.

        Raises `InsufficientStock`, `NotFound`, `PreconditionFailed` (SKU_RETIRED, LOCATION_RETIRED), `InvalidRequest`.

        Example:
            held = await client.reserve([("A-1", "shop-7", 2)], ttl=timedelta(minutes=15), owner="cart 17")
            print(held.reservation.reservation_id, held.revision)
        """
        request = reserve_request(
            wanted,
            ttl=ttl,
            fill_policy=fill_policy,
            owner=owner,
            reference=reference,
            replace_owner_holds=replace_owner_holds,
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
