-- name: find
-- What a batch must know before it locks: earlier answers to its request_ids, the reservations whose holds on its
-- levels have run out, and the live holds of the owners who ask to replace them. Hints only: everything is read
-- again under lock, and the answers are proved by the primary key of request.
-- $1, $2 channel and request_id of each command; $3, $4 distinct SKU and location codes; $5, $6 channel and owner.
SELECT request.request_id AS id, request.channel_id, request.fingerprint, request.code, request.answer,
    request.revision
FROM unnest($1::integer[], $2::uuid[]) AS key (channel_id, request_id)
JOIN request ON request.channel_id = key.channel_id AND request.request_id = key.request_id
UNION ALL
SELECT line.reservation_id, NULL, NULL, NULL, NULL, NULL
FROM unnest($3::text[], $4::text[]) AS pair (sku, location)
JOIN sku ON sku.code = pair.sku
JOIN location ON location.code = pair.location
JOIN reservation_line AS line ON line.sku_id = sku.sku_id AND line.location_id = location.location_id
    AND line.held > 0 AND line.expires_at <= now()
UNION ALL
SELECT reservation.reservation_id, NULL, NULL, NULL, NULL, NULL
FROM unnest($5::integer[], $6::text[]) AS key (channel_id, owner)
JOIN reservation ON reservation.channel_id = key.channel_id AND reservation.owner = key.owner
    AND reservation.state = 1 AND reservation.owner <> ''

-- name: lock_levels
-- Locks every level a batch may change, in the one global order: by sku_id, then location_id. Holding all levels of
-- a reservation's lines is what guards the reservation; nothing else is ever locked before the feed's head.
-- Always gives at least one row, for its clock, which is read after the last lock was had.
-- $1, $2 distinct SKU and location codes; $3 reservations whose lines' levels are wanted too.
WITH wanted AS MATERIALIZED (
    SELECT sku.sku_id, location.location_id
    FROM unnest($1::text[], $2::text[]) AS pair (sku, location)
    JOIN sku ON sku.code = pair.sku
    JOIN location ON location.code = pair.location
    UNION
    SELECT line.sku_id, line.location_id
    FROM unnest($3::uuid[]) AS named (reservation_id)
    JOIN reservation_line AS line ON line.reservation_id = named.reservation_id
), locked AS MATERIALIZED (
    SELECT level.*, sku.code AS sku, location.code AS location, sku.active AS sku_active,
        location.active AS location_active
    FROM wanted
    JOIN level ON level.sku_id = wanted.sku_id AND level.location_id = wanted.location_id
    JOIN sku ON sku.sku_id = wanted.sku_id
    JOIN location ON location.location_id = wanted.location_id
    ORDER BY level.sku_id, level.location_id
    FOR UPDATE OF level
)
SELECT clock_timestamp() AS now, locked.sku, locked.location, locked.sku_id, locked.location_id, locked.sku_active,
    locked.location_active, locked.on_hand, locked.held, locked.allocated, locked.quality_control, locked.damaged,
    locked.quarantined, locked.safety_stock, locked.reorder_point, locked.backorder_limit
FROM (VALUES (1)) AS always
LEFT JOIN locked ON true

-- name: read_places
-- Of pairs without a level: what exists of them. $1, $2 SKU and location codes.
SELECT pair.sku, pair.location, sku.sku_id, location.location_id, sku.active AS sku_active,
    location.active AS location_active
FROM unnest($1::text[], $2::text[]) AS pair (sku, location)
LEFT JOIN sku ON sku.code = pair.sku
LEFT JOIN location ON location.code = pair.location

-- name: ensure_levels
-- Makes the missing levels of pairs whose SKU and location exist, so that they can be locked. In the global order,
-- before any lock, so that two replicas making the same ones can't wait for each other in a circle.
-- $1, $2 SKU and location codes.
INSERT INTO level (sku_id, location_id)
SELECT sku.sku_id, location.location_id
FROM unnest($1::text[], $2::text[]) AS pair (sku, location)
JOIN sku ON sku.code = pair.sku
JOIN location ON location.code = pair.location
WHERE NOT EXISTS (
    SELECT FROM level WHERE level.sku_id = sku.sku_id AND level.location_id = location.location_id
)
ORDER BY sku.sku_id, location.location_id
ON CONFLICT (sku_id, location_id) DO NOTHING

-- name: read_reservations
-- Reservations with their lines, read under the locks of all their levels. $1 reservation ids.
SELECT reservation.reservation_id, reservation.channel_id, reservation.owner, reservation.reference,
    reservation.state, reservation.expires_at, reservation.created_at, line.sku_id, line.location_id,
    line.requested, line.held, line.allocated, line.fulfilled, line.released, sku.code AS sku,
    location.code AS location
FROM unnest($1::uuid[]) AS named (reservation_id)
JOIN reservation ON reservation.reservation_id = named.reservation_id
JOIN reservation_line AS line ON line.reservation_id = named.reservation_id
JOIN sku ON sku.sku_id = line.sku_id
JOIN location ON location.location_id = line.location_id
ORDER BY line.reservation_id, line.line_no

-- name: write_stock
-- Everything a batch of stock commands changes, as the last statement before COMMIT. Every part reads the head, so
-- the head is drawn and its lock had first: whoever comes second sees the first one's request_ids as duplicates.
-- $1 how many revisions; $2 the decision's time; $3.. levels, movements, reservations, their lines, requests, as
-- columns; $56 the NOTIFY channel. A step is a command's place within the batch, from 1.
WITH head AS (
    UPDATE feed_head SET revision = revision + $1 RETURNING revision - $1 AS base
), written_level AS (
    UPDATE level SET on_hand = new.on_hand, held = new.held, allocated = new.allocated,
        quality_control = new.quality_control, damaged = new.damaged, quarantined = new.quarantined,
        revision = head.base + new.step
    FROM head, unnest($3::bigint[], $4::integer[], $5::integer[], $6::bigint[], $7::bigint[], $8::bigint[],
        $9::bigint[], $10::bigint[], $11::bigint[])
        AS new (sku_id, location_id, step, on_hand, held, allocated, quality_control, damaged, quarantined)
    WHERE level.sku_id = new.sku_id AND level.location_id = new.location_id
), written_movement AS (
    INSERT INTO movement
    SELECT head.base + new.step, new.ordinal, new.sku_id, new.location_id, new.kind, new.on_hand_delta,
        new.held_delta, new.allocated_delta, new.quality_control_delta, new.damaged_delta, new.quarantined_delta,
        new.on_hand_after, new.held_after, new.allocated_after, new.quality_control_after, new.damaged_after,
        new.quarantined_after, new.channel_id, new.reservation_id, new.reason, new.reference, $2
    FROM head, unnest($12::integer[], $13::integer[], $14::bigint[], $15::integer[], $16::smallint[],
        $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[],
        $24::bigint[], $25::bigint[], $26::bigint[], $27::bigint[], $28::bigint[], $29::integer[], $30::uuid[],
        $31::text[], $32::text[])
        AS new (step, ordinal, sku_id, location_id, kind, on_hand_delta, held_delta, allocated_delta,
            quality_control_delta, damaged_delta, quarantined_delta, on_hand_after, held_after, allocated_after,
            quality_control_after, damaged_after, quarantined_after, channel_id, reservation_id, reason, reference)
), written_reservation AS (
    INSERT INTO reservation
    SELECT new.*
    FROM head, unnest($33::uuid[], $34::integer[], $35::text[], $36::text[], $37::smallint[], $38::timestamptz[],
        $39::timestamptz[]) AS new
    ON CONFLICT (reservation_id) DO UPDATE SET reference = excluded.reference, state = excluded.state,
        expires_at = excluded.expires_at
), written_line AS (
    INSERT INTO reservation_line
    SELECT new.*
    FROM head, unnest($40::uuid[], $41::smallint[], $42::bigint[], $43::integer[], $44::bigint[], $45::bigint[],
        $46::bigint[], $47::bigint[], $48::bigint[], $49::timestamptz[]) AS new
    ON CONFLICT (reservation_id, line_no) DO UPDATE SET held = excluded.held, allocated = excluded.allocated,
        fulfilled = excluded.fulfilled, released = excluded.released, expires_at = excluded.expires_at
), written_request AS (
    INSERT INTO request
    SELECT new.channel_id, new.request_id, new.fingerprint, new.code, new.answer, head.base + new.step, $2
    FROM head, unnest($50::integer[], $51::uuid[], $52::bytea[], $53::smallint[], $54::bytea[], $55::integer[])
        AS new (channel_id, request_id, fingerprint, code, answer, step)
)
SELECT base, pg_notify($56, (base + $1)::text) FROM head

-- name: write_thresholds
-- Sets thresholds of levels that are locked; before write_stock. $1.. columns.
UPDATE level SET safety_stock = new.safety_stock, reorder_point = new.reorder_point,
    backorder_limit = new.backorder_limit
FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS new (sku_id, location_id, safety_stock, reorder_point, backorder_limit)
WHERE level.sku_id = new.sku_id AND level.location_id = new.location_id
