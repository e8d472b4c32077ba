"""Availability: what the channel may sell, when it can be there, and why."""

from __future__ import annotations  # so that `help` names enums, which are objects of protobuf, as we do

from collections.abc import Iterable

from inventory.v1 import availability_service_pb2 as pb2
from inventory_client.arguments import Line, codes, lines
from inventory_client.calls import Calls
from inventory_client.sourcing import Degrees, Purpose, Strategy, as_pickup, as_purpose, as_sourcing


class AvailabilityCalls(Calls):
    """Of `InventoryClient`: see inventory/v1/availability_service.proto for every field and reason."""

    async def get_availability(
        self,
        skus: Iterable[str],
        *,
        channel: str = "",
        purpose: Purpose | str | None = None,
        min_revision: int = 0,
        timeout_s: float | None = None,
    ) -> pb2.GetAvailabilityResponse:
        """What a channel may sell of up to 1,000 SKUs, in one consistent look; `unknown` names what does not exist.

        `channel`: '': this client's own. `purpose`: None: what the channel is for. `min_revision`: read your own write.

        Raises `NotFound` for a channel, `InvalidRequest`.

        Example:
            for row in (await client.get_availability(["A-1", "A-2"])).availability:
                print(row.sku, row.available_to_sell, row.backorder)
        """
        request = pb2.GetAvailabilityRequest(
            skus=codes(skus, "skus"), channel=channel, purpose=as_purpose(purpose), min_revision=min_revision
        )
        return await self._read(request, pb2.GetAvailabilityResponse, timeout_s)

    async def check_availability(
        self,
        wanted: Iterable[Line],
        *,
        strategy: Strategy | str = Strategy.PRIORITY,
        destination: Degrees | None = None,
        split: bool = False,
        purpose: Purpose | str | None = None,
        pickup: str = "",
        by_transfer: bool = False,
        min_revision: int = 0,
        timeout_s: float | None = None,
    ) -> pb2.CheckAvailabilityResponse:
        """What a `reserve` of these lines would give now, and when: from where, when it leaves and arrives, what is due
        in and from when it can be promised, and other ways when it is short. The arguments are those of `reserve`.

        Raises `NotFound`, `PreconditionFailed` (SKU_RETIRED, LOCATION_RETIRED, LOCATION_NOT_SELLING), `InvalidRequest`.

        Example:
            told = await client.check_availability([("A-1", "", 2)], destination=(52.23, 21.01), split=True)
            for line in told.lines:
                for part in line.parts:
                    print(part.quantity, "of", part.sku, "from", part.location, "on", part.arrives_on or "no known day")
        """
        request = pb2.CheckAvailabilityRequest(
            lines=lines(wanted),
            sourcing=as_sourcing(strategy, destination, split=split),
            purpose=as_purpose(purpose),
            pickup=as_pickup(pickup, by_transfer=by_transfer),
            min_revision=min_revision,
        )
        return await self._read(request, pb2.CheckAvailabilityResponse, timeout_s)

    async def explain_availability(
        self,
        sku: str,
        *,
        channel: str = "",
        purpose: Purpose | str | None = None,
        min_revision: int = 0,
        timeout_s: float | None = None,
    ) -> pb2.ExplainAvailabilityResponse:
        """Why a channel may sell so much of a SKU: steps that add up. Raises `NotFound`, `InvalidRequest`.

        Example:
            why = await client.explain_availability("A-1")
            assert sum(step.quantity for step in why.steps) == why.availability.available_to_sell
        """
        request = pb2.ExplainAvailabilityRequest(
            sku=sku, channel=channel, purpose=as_purpose(purpose), min_revision=min_revision
        )
        return await self._read(request, pb2.ExplainAvailabilityResponse, timeout_s)
