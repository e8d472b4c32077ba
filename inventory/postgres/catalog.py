"""The engine's way to the catalogue: lock what a command names, and write what came of it."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from inventory.domain.bundle import Components
from inventory.domain.catalog import Catalog, CatalogChange, ChangeCatalog, Location, Sku, reshapes
from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.topology import LocationKind, Point, Use, Weekday
from inventory.postgres.connection import Writer
from inventory.postgres.errors import Interfered
from inventory.postgres.stock import RequestRow


async def lock(writer: Writer, command: ChangeCatalog) -> tuple[datetime, Catalog]:
    """The database's clock, and what exists of the command's codes and barcodes, and of what its bundles have to do
    with. Raises `Interfered` when another bundle got one of them meanwhile: look again."""
    codes = {sku.code for sku in command.skus}
    bundles = [sku.code for sku in command.skus if sku.components]
    above = await _above(writer, bundles) if bundles else {}
    parts = {code for sku in command.skus for code, _ in sku.components}
    rows = await writer.fetch("lock_skus", list(codes | parts | above.keys()))
    locked = {row["code"]: sku_of(row) for row in rows}
    present = {code: sku for code, sku in locked.items() if code in codes}
    barcodes = [barcode for sku in command.skus for barcode in sku.barcodes]
    owners = await writer.fetch("read_barcode_owners", barcodes) if barcodes else ()
    components = await _family(writer, bundles, locked) if bundles else {}
    reshaped = [sku.code for sku in command.skus if _other_kind(sku, present.get(sku.code))]
    moved = await writer.fetch("read_moved_skus", reshaped) if reshaped else ()
    locations = await writer.fetch("lock_locations", [location.code for location in command.locations])
    now = await writer.fetch("read_clock")
    found = Catalog(
        present,
        {row["code"]: location_of(row) for row in locations},
        {row["barcode"]: row["code"] for row in owners},
        components,
        frozenset(row["code"] for row in moved),
    )
    if command.within is None:
        return now[0][0], found
    covers = command.within.covers_category
    here = {row["code"] for row in locations if row["location_id"] in command.within.location_ids}
    return now[0][0], found._replace(
        barcode_owners={row["barcode"]: row["code"] if covers(row["category"]) else "" for row in owners},
        hidden=frozenset(code for code, sku in locked.items() if not covers(sku.category)),
        elsewhere=frozenset(
            location.code for location in command.locations if command.within.location_ids and location.code not in here
        ),
    )


async def _family(writer: Writer, bundles: list[str], locked: dict[str, Sku]) -> dict[str, Components]:
    """Under the locks of bundles, of what they shall be made of, and of the bundles they are in: what all of these are
    made of, and what has to do with them. Who makes a bundle contain another, or of something a bundle, locks both and
    all bundles these are in: so whatever counts here can't change before the commit."""
    above = await _above(writer, bundles)
    if not above.keys() <= locked.keys():
        raise Interfered("a bundle got into another one")
    found = {code: sku.components for code, sku in locked.items()}
    found |= await _above(writer, list(above)) if above else {}
    unknown = {code for components in found.values() for code, _ in components} - found.keys()
    if unknown:
        found |= {
            row["code"]: _pairs(row["components"]) for row in await writer.fetch("read_components", list(unknown))
        }
    return found


async def _above(writer: Writer, codes: list[str]) -> dict[str, Components]:
    """The bundles that contain one of these, and what they are made of."""
    return {row["code"]: _pairs(row["components"]) for row in await writer.fetch("read_bundles_above", codes)}


def _other_kind(sku: Sku, present: Sku | None) -> bool:
    return present is not None and (sku.kind, sku.tracking) != (present.kind, present.tracking)


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
    reshaped = [sku for sku in change.skus if sku.code in present.skus and reshapes(present.skus[sku.code], sku)]
    rows = await writer.fetch(
        "draw_revisions", int(change.moved), writer.database.notify_channel, bool(change.locations or reshaped)
    )
    base = int(rows[0][0])
    # Levels aren't locked here. What moved before the head was drawn is seen now; who comes later finds another
    # topology than it decided by, and looks again.
    other_kind = [sku.code for sku in reshaped if _other_kind(sku, present.skus[sku.code])]
    if other_kind and await writer.fetch("read_moved_skus", other_kind):
        raise Interfered("a SKU has moved that was to be another kind of thing")
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
        _pairs(row["units"]),
        _pairs(row["components"]),
    )


def _pairs(text: str) -> tuple[tuple[str, int], ...]:
    return tuple((code, number) for code, number in json.loads(text))


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
