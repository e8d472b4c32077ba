-- name: read_page_end
-- How far the next page of changes reaches: the head, or the last revision that fits into the number of rows; at
-- least one revision. And whether the catalogue has changes after the cursor. $1 the cursor, $2 rows a page.
SELECT feed_head.revision AS head,
    least(feed_head.revision, greatest($1 + 1, least(
        (SELECT revision FROM movement WHERE revision > $1 ORDER BY revision, ordinal OFFSET $2 LIMIT 1),
        (SELECT revision FROM sku_version WHERE revision > $1 ORDER BY revision, sku_id OFFSET $2 LIMIT 1),
        (SELECT revision FROM location_version WHERE revision > $1 ORDER BY revision, location_id OFFSET $2 LIMIT 1),
        feed_head.revision + 1
    ) - 1)) AS page_end,
    coalesce((SELECT max(revision) FROM sku_version) > $1, false) AS skus_changed,
    coalesce((SELECT max(revision) FROM location_version) > $1, false) AS locations_changed
FROM feed_head

-- name: read_movements
-- The ledger after one revision up to and with another, in order. $1, $2 the revisions. OFFSET 0 keeps each look-up a
-- look-up by key, also before the tables have statistics.
SELECT movement.revision, movement.ordinal, movement.kind, movement.on_hand_delta, movement.held_delta,
    movement.allocated_delta, movement.quality_control_delta, movement.damaged_delta, movement.quarantined_delta,
    movement.on_hand_after, movement.held_after, movement.allocated_after, movement.quality_control_after,
    movement.damaged_after, movement.quarantined_after, movement.reservation_id, movement.reason,
    movement.reference, movement.recorded_at, sku.code AS sku, location.code AS location, channel.code AS channel,
    movement.sku_id, movement.location_id
FROM movement
CROSS JOIN LATERAL (SELECT code FROM sku WHERE sku_id = movement.sku_id OFFSET 0) AS sku
CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = movement.location_id OFFSET 0) AS location
CROSS JOIN LATERAL (SELECT code FROM channel WHERE channel_id = movement.channel_id OFFSET 0) AS channel
WHERE movement.revision > $1 AND movement.revision <= $2
ORDER BY movement.revision, movement.ordinal

-- name: read_sku_versions
-- SKUs as they were after each revision in a range. $1, $2 the revisions.
SELECT version.revision, version.recorded_at, sku.code, version.name, version.category, version.unit,
    version.unit_digits, version.barcodes, version.active, version.attributes
FROM sku_version AS version JOIN sku ON sku.sku_id = version.sku_id
WHERE version.revision > $1 AND version.revision <= $2
ORDER BY version.revision, version.sku_id

-- name: read_location_versions
-- Locations as they were after each revision in a range. $1, $2 the revisions.
SELECT version.revision, version.recorded_at, location.code, version.name, version.kind, version.active
FROM location_version AS version JOIN location ON location.location_id = version.location_id
WHERE version.revision > $1 AND version.revision <= $2
ORDER BY version.revision, version.location_id

-- name: read_snapshot
-- A page of levels as they were at a revision, by sku_id, then location_id. A level that has changed since is taken
-- from the ledger, which carries the balances: so a snapshot of any size is of one revision without a transaction
-- that lasts as long as the reading. $1 the revision; $2, $3 the last page's last ids; $4, $5 SKU and location codes
-- or null; $6 how many.
SELECT sku.code AS sku, location.code AS location, level.sku_id, level.location_id,
    coalesce(past.on_hand_after, level.on_hand) AS on_hand, coalesce(past.held_after, level.held) AS held,
    coalesce(past.allocated_after, level.allocated) AS allocated,
    coalesce(past.quality_control_after, level.quality_control) AS quality_control,
    coalesce(past.damaged_after, level.damaged) AS damaged,
    coalesce(past.quarantined_after, level.quarantined) AS quarantined,
    level.safety_stock, level.reorder_point, level.backorder_limit,
    coalesce(past.revision, level.revision) AS revision, NULL::bigint AS due
FROM level
JOIN sku ON sku.sku_id = level.sku_id
JOIN location ON location.location_id = level.location_id
LEFT JOIN LATERAL (
    SELECT movement.* FROM movement
    WHERE movement.sku_id = level.sku_id AND movement.location_id = level.location_id
        AND movement.revision <= $1
    ORDER BY movement.revision DESC, movement.ordinal DESC
    LIMIT 1
) AS past ON level.revision > $1
WHERE (level.sku_id, level.location_id) > ($2::bigint, $3::integer) AND level.revision > 0
    AND (level.revision <= $1 OR past.revision IS NOT NULL)
    AND ($4::text[] IS NULL OR level.sku_id = ANY (SELECT sku_id FROM sku WHERE code = ANY ($4::text[])))
    AND ($5::text[] IS NULL OR level.location_id = ANY (
        SELECT location_id FROM location WHERE code = ANY ($5::text[])
    ))
ORDER BY level.sku_id, level.location_id
LIMIT $6
