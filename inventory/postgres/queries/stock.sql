-- name: lock_owners
-- Whoever replaces an owner's holds waits here for others who do, on any replica: they would not see each other's new
-- hold, and both would be left standing. In one order, and before every other lock. $1 channels and owners.
SELECT pg_advisory_xact_lock(key)
FROM (
    SELECT DISTINCT hashtextextended(concat_ws(' ', 'inventory.owner', current_schema(), channel_id, owner), 0) AS key
    FROM unnest($1::owner_key[])
    ORDER BY key
) AS sorted

-- name: find_and_lock
-- Finds what a batch must know and locks every level it may change, in the one global order: by sku_id, then
-- location_id. Holding all levels of a reservation's lines is what guards the reservation; but for owners, nothing else
-- is ever locked before the feed's head.
-- $1 channel and request_id of each command; $2 distinct SKU and location codes; $3 reservations the commands name;
-- $4 channels and owners whose live holds are to be replaced; $5 how many lines that have run out at most.
-- Gives one row: the locked levels, the reservations to read under these locks (those named, those whose holds on
-- these levels have run out, those of the owners), earlier answers, how many lines have run out, when the transaction
-- began, the clock, read after the last lock was had, and the feed's head that all this was read at.
-- All but the levels is as of before the lock: reservations are read again, and answers are proved by request's
-- primary key. OFFSET 0 keeps each look-up a look-up by its whole key, also where the planner believes a table empty.
WITH pair_level AS MATERIALIZED (
    SELECT sku.sku_id, location.location_id
    FROM unnest($2::code_pair[]) AS pair
    CROSS JOIN LATERAL (SELECT sku_id FROM sku WHERE code = pair.sku OFFSET 0) AS sku
    CROSS JOIN LATERAL (SELECT location_id FROM location WHERE code = pair.location OFFSET 0) AS location
), run_out AS MATERIALIZED (
    SELECT line.reservation_id
    FROM pair_level
    CROSS JOIN LATERAL (
        SELECT reservation_id FROM reservation_line
        WHERE sku_id = pair_level.sku_id AND location_id = pair_level.location_id AND held > 0 AND expires_at <= now()
        OFFSET 0
    ) AS line
    LIMIT $5
), wanted_reservation AS MATERIALIZED (
    SELECT unnest($3::uuid[]) AS reservation_id
    UNION
    SELECT reservation_id FROM run_out
    UNION
    SELECT reservation.reservation_id
    FROM unnest($4::owner_key[]) AS key
    CROSS JOIN LATERAL (
        SELECT reservation_id FROM reservation
        WHERE channel_id = key.channel_id AND owner = key.owner AND state = 1 AND owner <> '' OFFSET 0
    ) AS reservation
), wanted_level AS MATERIALIZED (
    SELECT sku_id, location_id FROM pair_level
    UNION
    SELECT line.sku_id, line.location_id
    FROM wanted_reservation
    CROSS JOIN LATERAL (
        SELECT sku_id, location_id FROM reservation_line
        WHERE reservation_id = wanted_reservation.reservation_id OFFSET 0
    ) AS line
), locked AS MATERIALIZED (
    SELECT level.*, sku.code AS sku, sku.category, location.code AS location, sku.active AS sku_active,
        location.active AS location_active
    FROM (SELECT * FROM wanted_level ORDER BY sku_id, location_id) AS wanted
    CROSS JOIN LATERAL (
        SELECT * FROM level WHERE sku_id = wanted.sku_id AND location_id = wanted.location_id FOR UPDATE
    ) AS level
    CROSS JOIN LATERAL (SELECT * FROM sku WHERE sku_id = wanted.sku_id OFFSET 0) AS sku
    CROSS JOIN LATERAL (SELECT * FROM location WHERE location_id = wanted.location_id OFFSET 0) AS location
)
SELECT
    ARRAY(
        SELECT ROW(sku_id, location_id, sku, location, sku_active, location_active, category, on_hand, held,
            allocated, quality_control, damaged, quarantined, safety_stock, reorder_point,
            backorder_limit)::locked_place
        FROM locked
    ) AS levels,
    ARRAY(SELECT reservation_id FROM wanted_reservation) AS reservation_ids,
    ARRAY(
        SELECT ROW(request.channel_id, request.request_id, request.fingerprint, request.code, request.answer,
            request.revision)::remembered_answer
        FROM unnest($1::request_key[]) AS key
        CROSS JOIN LATERAL (
            SELECT * FROM request
            WHERE request.channel_id = key.channel_id AND request.request_id = key.request_id OFFSET 0
        ) AS request
    ) AS answers,
    (SELECT count(*) FROM run_out) AS run_out_lines,
    now() AS began,
    clock_timestamp() AS now,
    (SELECT revision FROM feed_head) AS seen

-- name: has_run_out_since
-- Whether a hold on locked levels ran out while the locks were waited for. $1, $2 ids of the levels; $3, $4 from when
-- until when.
SELECT EXISTS (
    SELECT FROM unnest($1::bigint[], $2::integer[]) AS key (sku_id, location_id)
    CROSS JOIN LATERAL (
        SELECT FROM reservation_line
        WHERE sku_id = key.sku_id AND location_id = key.location_id AND held > 0 AND expires_at > $3 AND expires_at <= $4
        LIMIT 1
    ) AS line
)

-- name: limit_lock_wait
-- Lets this transaction wait for locks no longer than so. $1 such as "50ms".
SELECT set_config('lock_timeout', $1, true)

-- name: find_answer
-- The earlier answer to one request_id. $1 channel, $2 request_id.
SELECT channel_id, request_id, fingerprint, code, answer, revision FROM request
WHERE channel_id = $1 AND request_id = $2

-- name: read_places
-- Of pairs without a level: what exists of them. $1 SKU and location codes.
SELECT pair.sku, pair.location, sku.sku_id, location.location_id, sku.active AS sku_active,
    location.active AS location_active
FROM unnest($1::code_pair[]) AS pair
LEFT JOIN sku ON sku.code = pair.sku
LEFT JOIN location ON location.code = pair.location

-- name: ensure_levels
-- Makes the missing levels of pairs whose SKU and location exist, so that they can be locked. In the global order,
-- before any lock, so that two replicas making the same ones can't wait for each other in a circle.
-- $1 SKU and location codes.
INSERT INTO level (sku_id, location_id)
SELECT sku.sku_id, location.location_id
FROM unnest($1::code_pair[]) AS pair
CROSS JOIN LATERAL (SELECT sku_id FROM sku WHERE code = pair.sku OFFSET 0) AS sku
CROSS JOIN LATERAL (SELECT location_id FROM location WHERE code = pair.location OFFSET 0) AS location
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
-- Levels exist and are locked: ON CONFLICT finds each by its key whatever the planner believes of the table.
-- $1 how many revisions; $2 the decision's time; $3 levels, $4 movements, $5 reservations, $6 their lines, $7 answers;
-- $8 the NOTIFY channel. Gives the revision before the batch's first.
WITH head AS (
    UPDATE feed_head SET revision = revision + $1::integer RETURNING revision - $1::integer AS base
), written_level AS (
    INSERT INTO level (sku_id, location_id, on_hand, held, allocated, quality_control, damaged, quarantined,
        safety_stock, reorder_point, backorder_limit, revision)
    SELECT new.sku_id, new.location_id, new.on_hand, new.held, new.allocated, new.quality_control, new.damaged,
        new.quarantined, new.safety_stock, new.reorder_point, new.backorder_limit, head.base + new.step
    FROM head, unnest($3::level_row[]) AS new
    ON CONFLICT (sku_id, location_id) DO UPDATE SET on_hand = excluded.on_hand, held = excluded.held,
        allocated = excluded.allocated, quality_control = excluded.quality_control, damaged = excluded.damaged,
        quarantined = excluded.quarantined, safety_stock = excluded.safety_stock,
        reorder_point = excluded.reorder_point, backorder_limit = excluded.backorder_limit,
        revision = excluded.revision
), written_movement AS (
    INSERT INTO movement (revision, ordinal, sku_id, location_id, kind, on_hand_delta, held_delta, allocated_delta,
        quality_control_delta, damaged_delta, quarantined_delta, on_hand_after, held_after, allocated_after,
        quality_control_after, damaged_after, quarantined_after, channel_id, reservation_id, reason, reference,
        recorded_at)
    SELECT head.base + new.step, new.ordinal, new.sku_id, new.location_id, new.kind, new.on_hand_delta,
        new.held_delta, new.allocated_delta, new.quality_control_delta, new.damaged_delta, new.quarantined_delta,
        new.on_hand_after, new.held_after, new.allocated_after, new.quality_control_after, new.damaged_after,
        new.quarantined_after, new.channel_id, new.reservation_id, new.reason, new.reference, $2::timestamptz
    FROM head, unnest($4::movement_row[]) AS new
), written_reservation AS (
    INSERT INTO reservation (reservation_id, channel_id, owner, reference, state, expires_at, created_at)
    SELECT new.*
    FROM head, unnest($5::reservation_row[]) AS new
    ON CONFLICT (reservation_id) DO UPDATE SET reference = excluded.reference, state = excluded.state,
        expires_at = excluded.expires_at
), written_line AS (
    INSERT INTO reservation_line (reservation_id, line_no, sku_id, location_id, requested, held, allocated, fulfilled,
        released, expires_at)
    SELECT new.*
    FROM head, unnest($6::reservation_line_row[]) AS new
    ON CONFLICT (reservation_id, line_no) DO UPDATE SET held = excluded.held, allocated = excluded.allocated,
        fulfilled = excluded.fulfilled, released = excluded.released, expires_at = excluded.expires_at
), written_request AS (
    INSERT INTO request (channel_id, request_id, fingerprint, code, answer, revision, recorded_at)
    SELECT new.channel_id, new.request_id, new.fingerprint, new.code, new.answer, head.base + new.step,
        $2::timestamptz
    FROM head, unnest($7::request_row[]) AS new
)
SELECT base, pg_notify($8, (base + $1::integer)::text) FROM head
