"""Places, channels and SKUs as tests of availability need them: what has no call of its own is set behind the server's
back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg

from inventory.v1 import availability_service_pb2 as pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from tests.rpc.client import Client, Metadata, asks, unique

if TYPE_CHECKING:  # the stub's name only
    from inventory.v1.availability_service_pb2_grpc import AvailabilityServiceAsyncStub

UNLIMITED = 10**12


def on(channel: str) -> Metadata:
    return (("inventory-channel", channel),)


@dataclass
class Retailer:
    """A client, and the database behind the server's back."""

    client: Client
    db: asyncpg.Connection
    availability: "AvailabilityServiceAsyncStub" = field(init=False)

    def __post_init__(self) -> None:
        self.availability = AvailabilityServiceStub(self.client.channel)

    async def told(self) -> None:
        """Places or channels have changed."""
        await self.db.execute("UPDATE feed_head SET topology = topology + 1")

    async def place(
        self,
        *,
        priority: int = 100,
        point: tuple[float, float] | None = None,
        handling: timedelta = timedelta(0),
        cutoff_minute: int | None = None,
        working_days: int = 127,
        closed_on: Sequence[date] = (),
        time_zone: str = "UTC",
        uses: int = 7,
        transit_days: int = 0,
    ) -> str:
        code = await self.client.location()
        await self.db.execute(
            "UPDATE location SET priority = $2, latitude = $3, longitude = $4, handling = $5, cutoff_minute = $6,"
            " working_days = $7, closed_on = $8, time_zone = $9, uses = $10, transit_days = $11 WHERE code = $1",
            code,
            priority,
            *(point or (None, None)),
            handling,
            cutoff_minute,
            working_days,
            list(closed_on),
            time_zone,
            uses,
            transit_days,
        )
        await self.told()
        return code

    async def channel(
        self,
        *locations: str,
        code: str = "",
        kind: int = 1,
        buffer: int | None = None,
        cap: int | None = None,
        share_bp: int | None = None,
        oversell_limit: int | None = None,
        min_life_days: int = 0,
    ) -> str:
        code = code or unique("ch")
        rows = await self.db.fetch("SELECT code, location_id FROM location WHERE code = ANY ($1::text[])", locations)
        numbers = {row["code"]: row["location_id"] for row in rows}
        await self.db.execute(
            "INSERT INTO channel (code, kind, location_ids, buffer, cap, share_bp, oversell_limit, min_life_days,"
            " revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)"
            " ON CONFLICT (code) DO UPDATE SET kind = $2, location_ids = $3, buffer = $4, cap = $5, share_bp = $6,"
            " oversell_limit = $7, min_life_days = $8, revision = 1",
            code,
            kind,
            [numbers[location] for location in locations],
            buffer,
            cap,
            share_bp,
            oversell_limit,
            min_life_days,
        )
        await self.told()
        return code

    async def override(self, channel: str, sku: str, *, buffer: int | None = None, cap: int | None = None) -> None:
        await self.db.execute(
            "INSERT INTO channel_sku (channel_id, sku_id, buffer, cap) SELECT channel_id, sku_id, $3, $4"
            " FROM channel, sku WHERE channel.code = $1 AND sku.code = $2"
            " ON CONFLICT (channel_id, sku_id) DO UPDATE SET buffer = $3, cap = $4",
            channel,
            sku,
            buffer,
            cap,
        )
        await self.told()

    async def sku(
        self,
        stock: Mapping[str, int] | None = None,
        *,
        kind: int = 1,
        tracking: int = 0,
        oversell_limit: int | None = None,
        preorder_until: date | None = None,
        preorder_limit: int | None = None,
        from_several_places: bool = False,
        components: Mapping[str, int] | None = None,
        **fields: Any,
    ) -> str:
        """A new SKU with so much on hand at places."""
        code = await self.client.sku(**fields)
        for location, quantity in (stock or {}).items():
            if quantity:
                await self.client.adjust(code, location, quantity)
        await self.db.execute(
            "UPDATE sku SET kind = $2, tracking = $3, oversell_limit = $4, preorder_until = $5, preorder_limit = $6,"
            " from_several_places = $7 WHERE code = $1",
            code,
            kind,
            tracking,
            oversell_limit,
            preorder_until,
            preorder_limit,
            from_several_places,
        )
        for component, quantity in (components or {}).items():
            await self.db.execute(
                "INSERT INTO bundle_component SELECT whole.sku_id, part.sku_id, $3 FROM sku AS whole, sku AS part"
                " WHERE whole.code = $1 AND part.code = $2",
                code,
                component,
                quantity,
            )
        return code

    async def lots(self, sku: str, location: str, **expires: tuple[int, date | None]) -> None:
        """Of what a tracked SKU has at a place: by lot how much, and its last day."""
        for lot, (quantity, last_day) in expires.items():
            await self.db.execute(
                "INSERT INTO lot (sku_id, code, expires_on, known) SELECT sku_id, $2, $3, true FROM sku WHERE code = $1"
                " ON CONFLICT (sku_id, code) DO NOTHING",
                sku,
                lot,
                last_day,
            )
            await self.db.execute(
                "INSERT INTO lot_level SELECT lot.sku_id, location_id, lot_id, $4, 0, 0, 0, 0, 0, lot.expires_on"
                " FROM lot JOIN sku USING (sku_id), location"
                " WHERE sku.code = $1 AND location.code = $2 AND lot.code = $3",
                sku,
                location,
                lot,
                quantity,
            )

    async def due(self, sku: str, location: str, quantity: int, day: date, reference: str = "PO-1") -> None:
        """Goods that are expected."""
        await self.db.execute(
            "INSERT INTO incoming SELECT sku_id, location_id, $5, $4, $3 FROM sku, location"
            " WHERE sku.code = $1 AND location.code = $2",
            sku,
            location,
            quantity,
            day,
            reference,
        )
        await self.db.execute(
            "INSERT INTO level (sku_id, location_id, incoming) SELECT sku_id, location_id, $3 FROM sku, location"
            " WHERE sku.code = $1 AND location.code = $2"
            " ON CONFLICT (sku_id, location_id) DO UPDATE SET incoming = level.incoming + $3",
            sku,
            location,
            quantity,
        )

    async def today(self) -> date:
        day = await self.db.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")
        assert isinstance(day, date)
        return day

    async def get(self, *skus: str, metadata: Metadata | None = None, **fields: Any) -> pb2.GetAvailabilityResponse:
        request = pb2.GetAvailabilityRequest(skus=skus, **fields)
        answer: pb2.GetAvailabilityResponse = await self.availability.GetAvailability(request, metadata=metadata)
        return answer

    async def may_sell(self, sku: str, channel: str, **fields: Any) -> tuple[int, int]:
        """available_to_sell, and what of it would wait."""
        (found,) = (await self.get(sku, channel=channel, **fields)).availability
        return found.available_to_sell, found.backorder

    async def check(
        self, *lines: tuple[str, str, int], channel: str = "", **fields: Any
    ) -> pb2.CheckAvailabilityResponse:
        request = pb2.CheckAvailabilityRequest(lines=asks(*lines), **fields)
        answer: pb2.CheckAvailabilityResponse = await self.availability.CheckAvailability(
            request, metadata=on(channel) if channel else None
        )
        return answer

    async def explain(self, sku: str, **fields: Any) -> pb2.ExplainAvailabilityResponse:
        """The steps add up, always."""
        request = pb2.ExplainAvailabilityRequest(sku=sku, **fields)
        answer: pb2.ExplainAvailabilityResponse = await self.availability.ExplainAvailability(request)
        running = 0
        for step in answer.steps:
            running += step.quantity
            assert step.running == running, answer
        assert running == answer.availability.available_to_sell, answer
        return answer

    async def reserve(self, *lines: tuple[str, str, int], channel: str = "", **fields: Any) -> core_pb2.Reservation:
        metadata = on(channel) if channel else None
        return (await self.client.reserve(*lines, metadata=metadata, **fields)).reservation


def sourcing(
    strategy: reservation_pb2.SourcingStrategy = reservation_pb2.SOURCING_STRATEGY_PRIORITY,
    *,
    to: tuple[float, float] | None = None,
    split: bool = False,
) -> reservation_pb2.Sourcing:
    destination = core_pb2.Point(latitude=to[0], longitude=to[1]) if to else None
    return reservation_pb2.Sourcing(strategy=strategy, destination=destination, split=split)


def parts(line: pb2.PromisedLine) -> list[tuple[str, int, int]]:
    """Where from, how much, and what of it waits."""
    return [(part.location, part.quantity, part.backordered) for part in line.parts]


def told_steps(found: pb2.ExplainAvailabilityResponse) -> list[tuple[str, int, str]]:
    prefix = len("EXPLAIN_STEP_KIND_")
    return [(pb2.ExplainStepKind.Name(step.kind)[prefix:], step.quantity, step.location) for step in found.steps]
