"""What a channel should be shown, computed from the tables as of a revision in the simplest way there is; and the
catalogue changed behind the API's back, with a revision as the API would."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

ENDLESS = 1_000_000_000_000
Shown = dict[str, tuple[int, int]]
"""What may be sold of each SKU, and how much of it back-ordered; of nothing that can't be sold."""


async def expected(db: asyncpg.Connection, channel: str, revision: int, now: datetime | None = None) -> Shown:
    """As of a revision; back-order limits of levels as they are now."""
    now = now or datetime.now(UTC)
    settings = await db.fetchrow(
        "SELECT * FROM channel_version WHERE channel_id = (SELECT channel_id FROM channel WHERE code = $1)"
        " AND revision <= $2 ORDER BY revision DESC LIMIT 1",
        channel,
        revision,
    )
    channel_id = await db.fetchval("SELECT channel_id FROM channel WHERE code = $1", channel)
    own = {
        row["sku_id"]: row
        for row in await db.fetch(
            "SELECT DISTINCT ON (sku_id) * FROM channel_sku_version WHERE channel_id = $1 AND revision <= $2"
            " ORDER BY sku_id, revision DESC",
            channel_id,
            revision,
        )
    }
    skus = {row["sku_id"]: row for row in await _versions(db, "sku", revision)}
    places = {row["location_id"]: row for row in await _versions(db, "location", revision)}
    named = list(settings["location_ids"]) if settings else []
    use = 4 if settings and settings["kind"] == 2 else 1
    selling = [
        place for place, row in places.items() if (not named or place in named) and row["active"] and row["uses"] & use
    ]
    levels: dict[int, dict[int, Any]] = defaultdict(dict)
    for row in await db.fetch(
        "SELECT DISTINCT ON (sku_id, location_id) *, on_hand_after - held_after - allocated_after"
        " - quality_control_after - damaged_after - quarantined_after - backordered_after AS free,"
        " (SELECT backorder_limit FROM level WHERE level.sku_id = movement.sku_id"
        "  AND level.location_id = movement.location_id) AS backorder_limit"
        " FROM movement WHERE revision <= $1 ORDER BY sku_id, location_id, revision DESC, ordinal DESC",
        revision,
    ):
        levels[row["sku_id"]][row["location_id"]] = row
    lots: dict[tuple[int, int], list[tuple[date | None, int]]] = defaultdict(list)
    for row in await db.fetch(
        "SELECT movement.sku_id, location_id, lot.expires_on, sum(on_hand_delta - held_delta - allocated_delta"
        " - quality_control_delta - damaged_delta - quarantined_delta)::bigint AS available"
        " FROM movement JOIN lot USING (lot_id) WHERE revision <= $1 GROUP BY 1, 2, 3",
        revision,
    ):
        lots[(row["sku_id"], row["location_id"])].append((row["expires_on"], row["available"]))
    days = settings["min_life_days"] if settings else 0

    def view(sku_id: int, name: str, *, alone: bool = False) -> Any:
        mine = own[sku_id][name] if sku_id in own else None
        return mine if mine is not None or alone or not settings else settings[name]

    def seen(number: int, sku_id: int, *, alone: bool = False) -> int:
        number = max(number - (view(sku_id, "buffer", alone=alone) or 0), 0)
        share, cap = view(sku_id, "share_bp", alone=alone), view(sku_id, "cap", alone=alone)
        number = number if share is None else number * share // 10_000
        return number if cap is None else min(number, cap)

    def free(sku_id: int, place: int) -> int:
        if skus[sku_id]["kind"] == 3:
            return ENDLESS
        level = levels[sku_id].get(place)
        found = max(level["free"], 0) if level else 0
        if skus[sku_id]["tracking"] == 1:
            today = now.astimezone(ZoneInfo(places[place]["time_zone"])).date()
            last = today + timedelta(days=days)
            usable = sum(
                max(available, 0) for expires, available in lots[(sku_id, place)] if expires is None or expires >= last
            )
            found = min(found, usable)
        return found

    def shelves(sku_id: int) -> int:
        if skus[sku_id]["kind"] == 3:
            cap, share = view(sku_id, "cap"), view(sku_id, "share_bp")
            endless = ENDLESS if selling and share != 0 else 0
            return endless if cap is None else min(endless, cap)
        return min(seen(sum(free(sku_id, place) for place in selling), sku_id), ENDLESS)

    def room(sku_id: int) -> int:
        row = skus[sku_id]
        limit = row["oversell_limit"]
        if row["preorder_until"] is not None and row["preorder_until"] > now.astimezone(UTC).date():
            limit = row["preorder_limit"]
        mine = view(sku_id, "oversell_limit")
        limit = limit if mine is None else mine
        here = [levels[sku_id].get(place) for place in selling]
        caps = [level["backorder_limit"] if level else None for level in here]
        waiting = [level["backordered_after"] if level else 0 for level in here]
        if row["kind"] == 3 or (limit is not None and limit <= 0):
            return 0
        if limit is None:
            return sum(max((cap or 0) - has, 0) for cap, has in zip(caps, waiting, strict=True))
        own_room = sum(ENDLESS if cap is None else max(cap - has, 0) for cap, has in zip(caps, waiting, strict=True))
        if limit < ENDLESS:
            own_room = min(own_room, max(limit - sum(each["backordered_after"] for each in levels[sku_id].values()), 0))
        return min(own_room, ENDLESS)

    by_code = {row["code"]: row for row in skus.values()}

    def leaves(row: Any) -> dict[int, int]:
        found: dict[int, int] = defaultdict(int)
        for code, quantity in json.loads(row["components"]):
            inside = by_code[code]
            if inside["kind"] == 2:
                for leaf, inner in leaves(inside).items():
                    found[leaf] += inner * quantity
            else:
                found[inside["sku_id"]] += quantity
        return found

    shown: Shown = {}
    for sku_id, row in skus.items():
        stock = backorder = 0
        if row["active"] and row["kind"] == 2:
            parts = leaves(row)
            if parts and all(skus[leaf]["active"] for leaf in parts):
                if row["from_several_places"]:
                    whole = min(sum(free(leaf, place) for place in selling) // per for leaf, per in parts.items())
                else:
                    whole = sum(min(free(leaf, place) // per for leaf, per in parts.items()) for place in selling)
                whole = min(whole, ENDLESS, *(shelves(leaf) // per for leaf, per in parts.items()))
                stock = seen(whole, sku_id, alone=True)
        elif row["active"]:
            stock, backorder = shelves(sku_id), room(sku_id)
            cap = view(sku_id, "cap")
            if cap is not None:
                backorder = max(min(backorder, cap - stock), 0)
        total = min(stock + backorder, ENDLESS)
        if total:
            shown[row["code"]] = (total, total - stock)
    return shown


async def _versions(db: asyncpg.Connection, noun: str, revision: int) -> list[Any]:
    """SKUs or locations as of a revision."""
    versions: list[Any] = await db.fetch(
        f"SELECT DISTINCT ON ({noun}_id) version.*, {noun}.code FROM {noun}_version AS version"
        f" JOIN {noun} USING ({noun}_id) WHERE version.revision <= $1 ORDER BY {noun}_id, version.revision DESC",
        revision,
    )
    return versions


async def alter(db: asyncpg.Connection, noun: str, code: str, **columns: Any) -> int:
    """Changes a SKU or a location as the catalogue would. Returns the revision."""
    async with db.transaction():
        parts = columns.pop("components", None)
        revision: int = await db.fetchval(
            "UPDATE feed_head SET revision = revision + 1,"
            " topology = CASE WHEN $1 THEN revision + 1 ELSE topology END RETURNING revision",
            noun == "location",
        )
        if parts is not None:
            columns["components"] = json.dumps(parts)
        columns["revision"] = revision
        settings = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, 2))
        await db.execute(f"UPDATE {noun} SET {settings} WHERE code = $1", code, *columns.values())
        names = [
            row["column_name"]
            for row in await db.fetch(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema()"
                " AND table_name = $1 AND column_name NOT IN ('revision', 'channel_id', 'recorded_at')",
                f"{noun}_version",
            )
        ]
        both = ", ".join(names)
        await db.execute(
            f"INSERT INTO {noun}_version ({both}, revision, channel_id, recorded_at)"
            f" SELECT {both}, $2, 1, clock_timestamp() FROM {noun} WHERE code = $1",
            code,
            revision,
        )
        if parts is not None:
            await db.execute(
                "DELETE FROM bundle_component WHERE bundle_sku_id = (SELECT sku_id FROM sku WHERE code = $1)", code
            )
            for part, quantity in parts:
                await db.execute(
                    "INSERT INTO bundle_component SELECT one.sku_id, other.sku_id, $3 FROM sku AS one, sku AS other"
                    " WHERE one.code = $1 AND other.code = $2",
                    code,
                    part,
                    quantity,
                )
    await db.execute("SELECT pg_notify(current_schema() || '_feed', $1)", str(revision))
    return revision
