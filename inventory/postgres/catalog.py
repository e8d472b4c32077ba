"""The engine's way to the catalogue: lock what a command names, and write what came of it."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from inventory.domain.catalog import Catalog, CatalogChange, ChangeCatalog, Location, Sku
from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.topology import LocationKind, Point, Use, Weekday
from inventory.postgres.connection import Writer
from inventory.postgres.stock import RequestRow


async def lock(writer: Writer, command: ChangeCatalog) -> tuple[datetime, Catalog]:
    """The database's clock, and what exists of the command's codes and barcodes."""
    codes = [sku.code for sku in command.skus]
    barcodes = [barcode for sku in command.skus for barcode in sku.barcodes]
    skus = await writer.fetch("lock_skus", codes)
    owners = await writer.fetch("read_barcode_owners", barcodes) if barcodes else ()
    locations = await writer.fetch("lock_locations", [location.code for location in command.locations])
    now = await writer.fetch("read_clock")
    return now[0][0], Catalog(
        {row["code"]: sku_of(row) for row in skus},
        {row["code"]: location_of(row) for row in locations},
        {row["barcode"]: row["code"] for row in owners},
    )


async def write(
    writer: Writer,
    present: Catalog,
    change: CatalogChange,
    channel_id: int,
    now: datetime,
    requests: Sequence[RequestRow],
) -> int:
    """Writes a change of the catalogue that was locked as one revision. Returns the revision before it. Raises
    `Interfered` when another replica made one of the new codes meanwhile: look again."""
    rows = await writer.fetch(
        "draw_revisions", int(change.moved), writer.database.notify_channel, bool(change.locations)
    )
    base = int(rows[0][0])
    if change.skus:
        made = [_row(sku) for sku in change.skus if sku.code not in present.skus]
        replaced = [_row(sku) for sku in change.skus if sku.code in present.skus]
        await writer.fetch("write_skus", base + 1, channel_id, now, made, replaced)
        owned = [(sku.code, barcode) for sku in change.skus for barcode in sku.barcodes]
        await writer.fetch("drop_barcodes", [sku.code for sku in change.skus])
        await writer.fetch("write_barcodes", owned)
        await writer.fetch("drop_components", [sku.code for sku in change.skus])
        parts = [(sku.code, *component) for sku in change.skus for component in sku.components]
        if parts:
            await writer.fetch("write_components", *map(list, zip(*parts, strict=True)))
    if change.locations:
        new = [_location_row(location) for location in change.locations if location.code not in present.locations]
        known = [_location_row(location) for location in change.locations if location.code in present.locations]
        await writer.fetch("write_locations", base + 1, channel_id, now, new, known)
    await writer.fetch("write_requests", base, now, requests)
    return base


def _row(sku: Sku) -> tuple[Any, ...]:
    return (
        *sku[:7],
        json.dumps(dict(sku.attributes)),
        *sku[8:14],
        json.dumps(sku.units),
        json.dumps(sku.components),
    )


def _location_row(place: Location) -> tuple[Any, ...]:
    point = place.point or (None, None)
    return (*place[:4], json.dumps(dict(place.address)), *point, *place[6:])


def sku_of(row: Any) -> Sku:
    return Sku(
        row["code"],
        row["name"],
        row["category"],
        row["unit"],
        row["unit_digits"],
        tuple(row["barcodes"]),
        row["active"],
        tuple(sorted(json.loads(row["attributes"]).items())),
        SkuKind(row["kind"]),
        Tracking(row["tracking"]),
        row["oversell_limit"],
        row["preorder_until"],
        row["preorder_limit"],
        row["from_several_places"],
        tuple(map(tuple, json.loads(row["units"]))),
        tuple(map(tuple, json.loads(row["components"]))),
    )


def location_of(row: Any) -> Location:
    return Location(
        row["code"],
        row["name"],
        LocationKind(row["kind"]),
        row["active"],
        tuple(sorted(json.loads(row["address"]).items())),
        None if row["latitude"] is None else Point(row["latitude"], row["longitude"]),
        row["priority"],
        row["handling"],
        row["cutoff_minute"],
        Weekday(row["working_days"]),
        tuple(row["closed_on"]),
        row["time_zone"],
        Use(row["uses"]),
        row["transit_days"],
    )
