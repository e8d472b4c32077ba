-- What is proved all the time: the meaning is that of verify.sql, of a few levels and the newest revisions. Each query
-- gives rows that say what is broken.

-- name: read_moved_levels
-- Levels that moved after one revision up to and with another, those that did last first. $1, $2 the revisions, $3 how
-- many.
SELECT sku_id, location_id, max(revision) AS revision FROM movement WHERE revision > $1 AND revision <= $2
GROUP BY sku_id, location_id
ORDER BY max(revision) DESC
LIMIT $3

-- name: find_level_ids
-- The numbers of levels. $1 SKU codes, $2 location codes, in the same order.
SELECT level.sku_id, level.location_id
FROM unnest($1::text[], $2::text[]) AS named (sku, location)
CROSS JOIN LATERAL (SELECT sku_id FROM sku WHERE code = named.sku OFFSET 0) AS sku
CROSS JOIN LATERAL (SELECT location_id FROM location WHERE code = named.location OFFSET 0) AS location
CROSS JOIN LATERAL (
    SELECT sku_id, location_id FROM level WHERE sku_id = sku.sku_id AND location_id = location.location_id OFFSET 0
) AS level

-- name: prove_levels
-- I1, I2, I3 of levels, in one snapshot. $1 sku_ids, $2 location_ids, in the same order; $3 how many of a level's newest
-- movements to look at.
WITH named AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::integer[]) AS named (sku_id, location_id)
), here AS MATERIALIZED (
    SELECT level.*, sku.code AS sku, location.code AS location
    FROM named
    CROSS JOIN LATERAL (
        SELECT * FROM level WHERE sku_id = named.sku_id AND location_id = named.location_id OFFSET 0
    ) AS level
    CROSS JOIN LATERAL (SELECT code FROM sku WHERE sku_id = named.sku_id OFFSET 0) AS sku
    CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = named.location_id OFFSET 0) AS location
), promised AS (
    SELECT here.*, held.held AS held_by_lines, waiting.backordered AS backordered_by_lines,
        allocated.allocated AS allocated_by_lines
    FROM here
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(held), 0)::bigint AS held FROM reservation_line
        WHERE sku_id = here.sku_id AND location_id = here.location_id AND (held > 0 OR backordered > 0)
    ) AS held
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(backordered), 0)::bigint AS backordered FROM reservation_line
        WHERE sku_id = here.sku_id AND location_id = here.location_id AND backordered > 0
    ) AS waiting
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(allocated), 0)::bigint AS allocated FROM reservation_line
        WHERE sku_id = here.sku_id AND location_id = here.location_id AND allocated > 0
    ) AS allocated
), moved AS (
    SELECT here.sku, here.location, movement.*
    FROM here
    CROSS JOIN LATERAL (
        SELECT * FROM movement WHERE sku_id = here.sku_id AND location_id = here.location_id
        ORDER BY revision DESC, ordinal DESC LIMIT $3
    ) AS movement
), chained AS (
    SELECT *, row_number() OVER later AS back, count(*) OVER (PARTITION BY sku_id, location_id) AS seen,
        lead(on_hand_after) OVER later AS on_hand_before, lead(held_after) OVER later AS held_before,
        lead(allocated_after) OVER later AS allocated_before,
        lead(quality_control_after) OVER later AS quality_control_before,
        lead(damaged_after) OVER later AS damaged_before, lead(quarantined_after) OVER later AS quarantined_before,
        lead(backordered_after) OVER later AS backordered_before,
        lead(in_transit_after) OVER later AS in_transit_before, lead(incoming_after) OVER later AS incoming_before
    FROM moved
    WINDOW later AS (PARTITION BY sku_id, location_id ORDER BY revision DESC, ordinal DESC)
)
SELECT 'I1 bounds' AS promise, sku, location, jsonb_build_object('on_hand', on_hand, 'held', held,
        'allocated', allocated, 'quality_control', quality_control, 'damaged', damaged, 'quarantined', quarantined,
        'backordered', backordered, 'in_transit', in_transit, 'incoming', incoming) AS details
FROM here
WHERE least(on_hand, held, allocated, quality_control, damaged, quarantined, backordered, in_transit, incoming) < 0
    OR held + allocated + quality_control + damaged + quarantined > on_hand
    OR backordered > backorder_limit
UNION ALL
SELECT 'I2 promises', sku, location, jsonb_build_object('held', held, 'held_by_lines', held_by_lines,
        'allocated', allocated, 'allocated_by_lines', allocated_by_lines, 'backordered', backordered,
        'backordered_by_lines', backordered_by_lines)
FROM promised
WHERE (held, allocated, backordered) <> (held_by_lines, allocated_by_lines, backordered_by_lines)
UNION ALL
SELECT 'I3 last movement', here.sku, here.location, jsonb_build_object('on_hand', here.on_hand,
        'on_hand_after', coalesce(last.on_hand_after, 0), 'held', here.held, 'held_after', coalesce(last.held_after, 0),
        'allocated', here.allocated, 'allocated_after', coalesce(last.allocated_after, 0), 'revision', here.revision,
        'last_revision', coalesce(last.revision, 0))
FROM here
LEFT JOIN chained AS last
    ON last.sku_id = here.sku_id AND last.location_id = here.location_id AND last.back = 1
WHERE (here.on_hand, here.held, here.allocated, here.quality_control, here.damaged, here.quarantined, here.backordered,
        here.in_transit, here.incoming, here.revision)
    IS DISTINCT FROM (coalesce(last.on_hand_after, 0), coalesce(last.held_after, 0), coalesce(last.allocated_after, 0),
        coalesce(last.quality_control_after, 0), coalesce(last.damaged_after, 0), coalesce(last.quarantined_after, 0),
        coalesce(last.backordered_after, 0), coalesce(last.in_transit_after, 0), coalesce(last.incoming_after, 0),
        coalesce(last.revision, 0))
UNION ALL
SELECT 'I3 chain', sku, location, jsonb_build_object('revision', min(revision), 'movements', count(*))
FROM chained
WHERE (back < seen OR seen < $3) AND (
        coalesce(on_hand_before, 0) + on_hand_delta, coalesce(held_before, 0) + held_delta,
        coalesce(allocated_before, 0) + allocated_delta, coalesce(quality_control_before, 0) + quality_control_delta,
        coalesce(damaged_before, 0) + damaged_delta, coalesce(quarantined_before, 0) + quarantined_delta,
        coalesce(backordered_before, 0) + backordered_delta, coalesce(in_transit_before, 0) + in_transit_delta,
        coalesce(incoming_before, 0) + incoming_delta)
    <> (on_hand_after, held_after, allocated_after, quality_control_after, damaged_after, quarantined_after,
        backordered_after, in_transit_after, incoming_after)
GROUP BY sku, location

-- name: prove_revisions
-- The order is dense: the first revision without rows after one up to and with another, and how many there are. $1, $2
-- the revisions.
SELECT min(wanted.revision) AS revision, count(*) AS missing
FROM generate_series($1::bigint + 1, $2::bigint) AS wanted (revision)
WHERE NOT EXISTS (SELECT FROM movement WHERE movement.revision = wanted.revision OFFSET 0)
    AND NOT EXISTS (SELECT FROM sku_version WHERE sku_version.revision = wanted.revision OFFSET 0)
    AND NOT EXISTS (SELECT FROM location_version WHERE location_version.revision = wanted.revision OFFSET 0)
    AND NOT EXISTS (SELECT FROM subscriber_version WHERE subscriber_version.revision = wanted.revision OFFSET 0)
    AND NOT EXISTS (SELECT FROM channel_version WHERE channel_version.revision = wanted.revision OFFSET 0)
    AND NOT EXISTS (SELECT FROM alarm_version WHERE alarm_version.revision = wanted.revision OFFSET 0)
HAVING count(*) > 0
