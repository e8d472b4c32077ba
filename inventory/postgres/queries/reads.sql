-- name: read_head
-- The feed's head: identity of the database, last revision, oldest revision a cursor may name.
SELECT epoch, revision, compacted FROM feed_head

-- name: read_stock
-- Levels by code in the order asked; what doesn't exist has no sku_id or location_id. Holds that have run out and
-- aren't swept yet are told apart as due. $1, $2 SKU and location codes; $3, $4 the reader's places and categories, by
-- location_id and by what a category with a slash at its end begins with, each null for all: others are unknown.
SELECT pair.sku, pair.location, sku.sku_id, location.location_id, level.on_hand, level.held, level.allocated,
    level.quality_control, level.damaged, level.quarantined, level.backordered, level.in_transit, level.incoming,
    level.safety_stock, level.reorder_point, level.backorder_limit, level.revision, due.held AS due_held,
    due.backordered AS due_backordered
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS pair (sku, location, position)
LEFT JOIN sku ON sku.code = pair.sku AND ($4::text[] IS NULL OR (sku.category || '/') ^@ ANY ($4::text[]))
LEFT JOIN location ON location.code = pair.location
    AND ($3::integer[] IS NULL OR location.location_id = ANY ($3::integer[]))
LEFT JOIN level ON level.sku_id = sku.sku_id AND level.location_id = location.location_id
LEFT JOIN LATERAL (
    SELECT sum(line.held)::bigint AS held, sum(line.backordered)::bigint AS backordered
    FROM reservation_line AS line
    WHERE line.sku_id = level.sku_id AND line.location_id = level.location_id
        AND (line.held > 0 OR line.backordered > 0) AND line.expires_at <= clock_timestamp()
) AS due ON true
ORDER BY pair.position

-- name: list_stock
-- A page of levels by SKU code, then location code: SKU by SKU from where the last page ended, so that a page costs what
-- it gives. $1, $2 the last page's last codes; $3, $4 filters or null; $5 how many; $6, $7 the reader's places and
-- categories, as in read_stock.
SELECT sku.code AS sku, level.*
FROM sku
CROSS JOIN LATERAL (
    SELECT location.code AS location, level.sku_id, level.location_id, level.on_hand, level.held, level.allocated,
        level.quality_control, level.damaged, level.quarantined, level.backordered, level.in_transit, level.incoming,
        level.safety_stock, level.reorder_point, level.backorder_limit, level.revision, due.held AS due_held,
        due.backordered AS due_backordered
    FROM level
    CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = level.location_id OFFSET 0) AS location
    LEFT JOIN LATERAL (
        SELECT sum(line.held)::bigint AS held, sum(line.backordered)::bigint AS backordered
        FROM reservation_line AS line
        WHERE line.sku_id = level.sku_id AND line.location_id = level.location_id
            AND (line.held > 0 OR line.backordered > 0) AND line.expires_at <= clock_timestamp()
    ) AS due ON true
    WHERE level.sku_id = sku.sku_id AND level.revision > 0 AND (sku.code > $1::text OR location.code > $2::text)
        AND ($4::text[] IS NULL OR location.code = ANY ($4::text[]))
        AND ($6::integer[] IS NULL OR level.location_id = ANY ($6::integer[]))
    OFFSET 0
) AS level
WHERE sku.code >= $1 AND ($3::text[] IS NULL OR sku.code = ANY ($3::text[]))
    AND ($7::text[] IS NULL OR (sku.category || '/') ^@ ANY ($7::text[]))
ORDER BY sku.code, level.location
LIMIT $5

-- name: list_movements
-- A page of the ledger, newest first. $1, $2 the last page's last revision and ordinal; $3 SKU code, $4 location
-- code, $5 reservation, $6, $7 times from and before, each null for all; $8 how many; $9, $10 the reader's places and
-- categories, as in read_stock.
SELECT movement.revision, movement.ordinal, movement.kind, movement.on_hand_delta, movement.held_delta,
    movement.allocated_delta, movement.quality_control_delta, movement.damaged_delta, movement.quarantined_delta,
    movement.backordered_delta, movement.in_transit_delta, movement.incoming_delta, movement.on_hand_after, movement.held_after,
    movement.allocated_after, movement.quality_control_after, movement.damaged_after, movement.quarantined_after,
    movement.backordered_after, movement.in_transit_after, movement.incoming_after, movement.reservation_id, movement.reason,
    movement.reference, movement.recorded_at, (SELECT code FROM lot WHERE lot_id = movement.lot_id) AS lot, sku.code AS sku, location.code AS location, channel.code AS channel,
    movement.sku_id, movement.location_id
FROM movement
CROSS JOIN LATERAL (SELECT code, category FROM sku WHERE sku_id = movement.sku_id OFFSET 0) AS sku
CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = movement.location_id OFFSET 0) AS location
CROSS JOIN LATERAL (SELECT code FROM channel WHERE channel_id = movement.channel_id OFFSET 0) AS channel
WHERE (movement.revision, movement.ordinal) < ($1::bigint, $2::integer)
    AND ($3::text IS NULL OR movement.sku_id = (SELECT sku_id FROM sku WHERE code = $3::text))
    AND ($4::text IS NULL OR movement.location_id = (SELECT location_id FROM location WHERE code = $4::text))
    AND ($5::uuid IS NULL OR movement.reservation_id = $5::uuid)
    AND ($6::timestamptz IS NULL OR movement.recorded_at >= $6::timestamptz)
    AND ($7::timestamptz IS NULL OR movement.recorded_at < $7::timestamptz)
    AND ($9::integer[] IS NULL OR movement.location_id = ANY ($9::integer[]))
    AND ($10::text[] IS NULL OR (sku.category || '/') ^@ ANY ($10::text[]))
ORDER BY movement.revision DESC, movement.ordinal DESC
LIMIT $8

-- name: list_reservations
-- A page of a channel's reservations with their lines, newest first. $1 channel; $2 the last page's last id or
-- null; $3 one id, $4 state as of now, $5 owner, $6 reference, each null for all; $7 how many.
WITH page AS (
    SELECT * FROM reservation
    WHERE channel_id = $1 AND ($2::uuid IS NULL OR reservation_id < $2::uuid)
        AND ($3::uuid IS NULL OR reservation_id = $3::uuid)
        AND ($5::text IS NULL OR (owner = $5::text AND owner <> ''))
        AND ($6::text IS NULL OR (reference = $6::text AND reference <> ''))
        AND ($4::smallint IS NULL OR $4::smallint = CASE
            WHEN state <> 1 OR expires_at > clock_timestamp() THEN state
            WHEN EXISTS (
                SELECT FROM reservation_line AS line
                WHERE line.reservation_id = reservation.reservation_id AND line.allocated > 0
            ) THEN 2
            WHEN EXISTS (
                SELECT FROM reservation_line AS line
                WHERE line.reservation_id = reservation.reservation_id AND line.fulfilled > 0
            ) THEN 3
            ELSE 5 END)
    ORDER BY reservation_id DESC
    LIMIT $7
)
SELECT page.reservation_id, page.channel_id, page.owner, page.reference, page.state, page.expires_at,
    page.created_at, page.purpose, page.pickup_location_id, page.ready_at, line.sku_id, line.location_id, line.requested,
    line.held, line.allocated, line.backordered, line.fulfilled, line.released, line.ask_no, line.lot_id,
    line.bundle_sku_id, line.bundle_quantity, line.accepted_revision, sku.code AS sku, location.code AS location,
    bundle.code AS bundle, lot.code AS lot, pickup.code AS pickup_location, ARRAY(
        SELECT serial FROM serial
        WHERE serial.reservation_id = page.reservation_id AND serial.sku_id = line.sku_id
            AND serial.line_no = line.line_no AND (
                serial.state <> 2 OR line.allocated > 0 OR page.state <> 1 OR page.expires_at > clock_timestamp()
            )
        ORDER BY serial
    ) AS serials, ARRAY(
        SELECT transfer_id FROM transfer WHERE transfer.reservation_id = page.reservation_id ORDER BY transfer_id
    ) AS transfer_ids, clock_timestamp() AS now
FROM page
JOIN reservation_line AS line ON line.reservation_id = page.reservation_id
JOIN sku ON sku.sku_id = line.sku_id
JOIN location ON location.location_id = line.location_id
LEFT JOIN sku AS bundle ON bundle.sku_id = line.bundle_sku_id
LEFT JOIN lot ON lot.lot_id = line.lot_id
LEFT JOIN location AS pickup ON pickup.location_id = page.pickup_location_id
ORDER BY page.reservation_id DESC, line.line_no

-- name: find_sku
-- A SKU by code or by barcode. $1 code or null, $2 barcode or null; $3 the reader's categories, as in read_stock.
SELECT code, name, category, unit, unit_digits, barcodes, active, attributes,
    kind, tracking, oversell_limit, preorder_until, preorder_limit, from_several_places, units, components
FROM sku
WHERE CASE WHEN $1::text IS NOT NULL THEN code = $1::text
    ELSE sku_id = (SELECT sku_id FROM barcode WHERE barcode = $2::text) END
    AND ($3::text[] IS NULL OR (category || '/') ^@ ANY ($3::text[]))

-- name: list_skus
-- A page of SKUs by code. $1 the last page's last code; $2 category or null; $3 active or null; $4 how many; $5 the
-- reader's categories, as in read_stock.
SELECT code, name, category, unit, unit_digits, barcodes, active, attributes,
    kind, tracking, oversell_limit, preorder_until, preorder_limit, from_several_places, units, components
FROM sku
WHERE code > $1
    AND ($2::text IS NULL OR (category <> '' AND (category = $2::text OR starts_with(category, $2::text || '/'))))
    AND ($3::boolean IS NULL OR active = $3::boolean)
    AND ($5::text[] IS NULL OR (category || '/') ^@ ANY ($5::text[]))
ORDER BY code
LIMIT $4

-- name: list_locations
-- A page of locations by code. $1 the last page's last code; $2 one code, $3 kind, $4 active, each null for all; $5
-- how many; $6 the reader's places or null.
SELECT code, name, kind, active, address, latitude, longitude, priority, handling, cutoff_minute,
    working_days, closed_on, time_zone, uses, transit_days
FROM location
WHERE code > $1 AND ($2::text IS NULL OR code = $2::text) AND ($3::smallint IS NULL OR kind = $3::smallint)
    AND ($4::boolean IS NULL OR active = $4::boolean)
    AND ($6::integer[] IS NULL OR location_id = ANY ($6::integer[]))
ORDER BY code
LIMIT $5

-- name: make_channel
-- Makes a channel that there is none of, under the feed's head. $1 code. Gives its number.
INSERT INTO channel (code) VALUES ($1::text) RETURNING channel_id

-- name: due_reservations
-- Holds that have run out and aren't swept yet, longest overdue first, and how many lines each has. $1 how many at
-- most.
SELECT reservation_id, (
    SELECT count(*)::integer FROM reservation_line AS line WHERE line.reservation_id = reservation.reservation_id
) AS lines
FROM reservation WHERE state = 1 AND expires_at <= now() ORDER BY expires_at LIMIT $1

-- name: forget_requests
-- Drops some answers older than their time to keep, and says how many. $1 how old, $2 how many at most.
WITH gone AS (
    DELETE FROM request WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM request WHERE recorded_at < now() - $1::interval LIMIT $2
    ))
    RETURNING 1
)
SELECT count(*) FROM gone
