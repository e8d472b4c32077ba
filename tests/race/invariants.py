"""The promises I1 to I3 and what follows from them, as SQL that shares nothing with the engine's."""

import asyncpg

_RULES = {
    "I1: nothing is negative, promises are covered": """
        SELECT sku_id, location_id FROM level
        WHERE least(on_hand, held, allocated, quality_control, damaged, quarantined) < 0
            OR held + allocated + quality_control + damaged + quarantined > on_hand + coalesce(backorder_limit, 0)
    """,
    "I2: held and allocated are the sums of the reservations' lines": """
        SELECT sku_id, location_id, level.held, level.allocated, line.held, line.allocated
        FROM level
        FULL JOIN (
            SELECT sku_id, location_id, sum(held) AS held, sum(allocated) AS allocated
            FROM reservation_line GROUP BY sku_id, location_id
        ) AS line USING (sku_id, location_id)
        WHERE coalesce(level.held, 0) <> coalesce(line.held, 0)
            OR coalesce(level.allocated, 0) <> coalesce(line.allocated, 0)
    """,
    "I3: every quantity is the sum of its movements": """
        SELECT sku_id, location_id
        FROM level
        FULL JOIN (
            SELECT sku_id, location_id, sum(on_hand_delta) AS on_hand, sum(held_delta) AS held,
                sum(allocated_delta) AS allocated, sum(quality_control_delta) AS quality_control,
                sum(damaged_delta) AS damaged, sum(quarantined_delta) AS quarantined, max(revision) AS revision
            FROM movement GROUP BY sku_id, location_id
        ) AS moved USING (sku_id, location_id)
        WHERE ARRAY[coalesce(level.on_hand, 0), coalesce(level.held, 0), coalesce(level.allocated, 0),
                coalesce(level.quality_control, 0), coalesce(level.damaged, 0), coalesce(level.quarantined, 0),
                coalesce(level.revision, 0)]::bigint[]
            <> ARRAY[coalesce(moved.on_hand, 0), coalesce(moved.held, 0), coalesce(moved.allocated, 0),
                coalesce(moved.quality_control, 0), coalesce(moved.damaged, 0), coalesce(moved.quarantined, 0),
                coalesce(moved.revision, 0)]::bigint[]
    """,
    "I3: each movement's balances are those before it and its deltas": """
        SELECT revision, ordinal FROM (
            SELECT revision, ordinal,
                ARRAY[on_hand_after, held_after, allocated_after, quality_control_after, damaged_after,
                    quarantined_after] AS after,
                ARRAY[sum(on_hand_delta) OVER so_far, sum(held_delta) OVER so_far,
                    sum(allocated_delta) OVER so_far, sum(quality_control_delta) OVER so_far,
                    sum(damaged_delta) OVER so_far, sum(quarantined_delta) OVER so_far]::bigint[] AS summed
            FROM movement
            WINDOW so_far AS (PARTITION BY sku_id, location_id ORDER BY revision, ordinal)
        ) AS step
        WHERE after <> summed
    """,
    "a line's promises are what its movements say": """
        SELECT reservation_id, sku_id, location_id
        FROM (
            SELECT reservation_id, sku_id, location_id, sum(held) AS held, sum(allocated) AS allocated,
                sum(backordered) AS backordered, sum(fulfilled) AS fulfilled
            FROM reservation_line GROUP BY reservation_id, sku_id, location_id
        ) AS line
        FULL JOIN (
            SELECT reservation_id, sku_id, location_id, sum(held_delta) AS held, sum(allocated_delta) AS allocated,
                sum(backordered_delta) AS backordered,
                -coalesce(sum(on_hand_delta) FILTER (WHERE kind = 9), 0) AS fulfilled
            FROM movement WHERE reservation_id IS NOT NULL GROUP BY reservation_id, sku_id, location_id
        ) AS moved USING (reservation_id, sku_id, location_id)
        WHERE ARRAY[coalesce(line.held, 0), coalesce(line.allocated, 0), coalesce(line.backordered, 0),
                coalesce(line.fulfilled, 0)]::bigint[]
            <> ARRAY[coalesce(moved.held, 0), coalesce(moved.allocated, 0), coalesce(moved.backordered, 0),
                coalesce(moved.fulfilled, 0)]::bigint[]
    """,
    "a reservation's lines are its channel's": """
        SELECT reservation_id, line_no, line.channel_id, reservation.channel_id AS of_it
        FROM reservation_line AS line JOIN reservation USING (reservation_id)
        WHERE line.channel_id IS DISTINCT FROM reservation.channel_id
    """,
    "a reservation's state is that of its lines": """
        SELECT reservation_id, state, held, allocated, backordered, fulfilled
        FROM reservation
        JOIN (
            SELECT reservation_id, sum(held) AS held, sum(allocated) AS allocated, sum(backordered) AS backordered,
                sum(fulfilled) AS fulfilled
            FROM reservation_line GROUP BY reservation_id
        ) AS line USING (reservation_id)
        WHERE NOT CASE WHEN held > 0 THEN state = 1 WHEN backordered > 0 THEN state IN (1, 2)
            WHEN allocated > 0 THEN state = 2 WHEN fulfilled > 0 THEN state = 3
            ELSE state IN (4, 5) END
    """,
    "revisions are dense and unique": """
        SELECT head.revision AS head, seen.count, seen.lowest, seen.highest
        FROM feed_head AS head, (
            SELECT count(*) AS count, min(revision) AS lowest, max(revision) AS highest FROM (
                SELECT DISTINCT revision FROM movement
                UNION ALL SELECT DISTINCT revision FROM (
                    SELECT revision FROM sku_version UNION SELECT revision FROM location_version
                ) AS catalog
                UNION ALL SELECT revision FROM subscriber_version UNION ALL SELECT revision FROM channel_version
                UNION ALL SELECT DISTINCT revision FROM alarm_version
            ) AS every
        ) AS seen
        WHERE head.revision <> seen.count OR seen.highest <> head.revision OR seen.lowest <> 1
    """,
    "a request is one command, and a command's rows are decided at one time": """
        SELECT revision FROM request WHERE revision IS NOT NULL GROUP BY revision HAVING count(*) > 1
        UNION ALL
        SELECT revision FROM movement GROUP BY revision HAVING count(DISTINCT recorded_at) > 1
    """,
    "a hold ends once, an expiry is never early, a commit never late": """
        SELECT reservation_id FROM movement WHERE kind = 8
        GROUP BY reservation_id HAVING count(DISTINCT revision) > 1
        UNION ALL
        SELECT reservation_id FROM movement JOIN reservation USING (reservation_id)
        WHERE kind = 8 AND recorded_at < expires_at OR kind = 5 AND recorded_at >= expires_at
    """,
}


async def broken(connection: asyncpg.Connection, *, except_for: str = " ") -> dict[str, list[tuple[object, ...]]]:
    """The rules that don't hold, each with the first rows that break it; all of one snapshot. The connection's
    search_path is the schema."""
    found = {}
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for rule, query in _RULES.items():
            if rule.startswith(except_for):
                continue
            rows = await connection.fetch(f"SELECT * FROM ({query}) AS wrong LIMIT 5")
            if rows:
                found[rule] = [tuple(row) for row in rows]
    return found
