-- name: lock_owners
-- Whoever replaces an owner's holds waits here for others who do, on any replica: they would not see each other's new
-- hold, and both would be left standing. In one order, and before every other lock. $1 channels and owners.
SELECT pg_advisory_xact_lock(key)
FROM (
    SELECT DISTINCT hashtextextended(concat_ws(' ', 'inventory.owner', current_schema(), channel_id, owner), 0) AS key
    FROM unnest($1::owner_key[])
    ORDER BY key
) AS sorted

-- name: lock_holders
-- Whoever holds something in the name of a channel that may hold only so much of a SKU waits here for others who do, on
-- any replica: what they would hold together could not be counted. In one order, after the owners, and before every
-- other lock. Gives the SKUs by number; of a bundle those it is made of. $1 channels, each with a SKU code.
SELECT channel_id, sku_id, pg_advisory_xact_lock(key)
FROM (
    SELECT DISTINCT holder.channel_id, part.sku_id,
        hashtextextended(concat_ws(' ', 'inventory.holder', current_schema(), holder.channel_id, part.sku_id), 0) AS key
    FROM unnest($1::owner_key[]) AS holder
    CROSS JOIN LATERAL (SELECT sku_id, kind FROM sku WHERE code = holder.owner OFFSET 0) AS sku
    CROSS JOIN LATERAL (
        SELECT sku.sku_id WHERE sku.kind <> 2
        UNION ALL
        SELECT sku_id FROM bundle_leaf WHERE bundle_sku_id = sku.sku_id AND sku.kind = 2
    ) AS part
    ORDER BY key
) AS sorted

-- name: read_held
-- What channels hold of SKUs, and have back-ordered with their holds, at all places; what has run out doesn't count.
-- $1, $2 channels and sku_ids; $3 the clock; $4 reservations that are counted elsewhere.
SELECT holder.channel_id, holder.sku_id, coalesce(sum(line.held + line.backordered), 0)::bigint AS held
FROM unnest($1::integer[], $2::bigint[]) AS holder (channel_id, sku_id)
CROSS JOIN LATERAL (
    SELECT held, backordered FROM reservation_line
    WHERE sku_id = holder.sku_id AND channel_id = holder.channel_id AND (held > 0 OR backordered > 0)
        AND expires_at > $3 AND reservation_id <> ALL ($4::uuid[])
    UNION ALL
    SELECT nameless.held, nameless.backordered
    FROM (
        SELECT reservation_id, held, backordered FROM reservation_line
        WHERE sku_id = holder.sku_id AND channel_id IS NULL AND (held > 0 OR backordered > 0)
            AND expires_at > $3 AND reservation_id <> ALL ($4::uuid[])
        OFFSET 0
    ) AS nameless
    CROSS JOIN LATERAL (
        SELECT FROM reservation
        WHERE reservation_id = nameless.reservation_id AND channel_id = holder.channel_id OFFSET 0
    ) AS own
) AS line
GROUP BY holder.channel_id, holder.sku_id

-- name: find_and_lock
-- Finds what a batch must know and locks every level it may change, in the one global order: by sku_id, then
-- location_id. Holding all levels of a reservation's lines is what guards the reservation; but for owners and
-- documents, which come before, nothing else is ever locked before the feed's head.
-- $1 channel and request_id of each command; $2 distinct SKU and location codes; $3 reservations the commands name;
-- $4 channels and owners whose live holds are to be replaced; $5 how many lines that have run out at most.
-- Gives one row: the locked levels, the reservations to read under these locks (those named, those whose holds on
-- these levels have run out, those of the owners), earlier answers, how many lines have run out, when the transaction
-- began, the clock, read after the last lock was had, the feed's head that all this was read at, and the revision of
-- places and channels.
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
        WHERE sku_id = pair_level.sku_id AND location_id = pair_level.location_id AND (held > 0 OR backordered > 0)
            AND expires_at <= now()
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
    SELECT level.*, sku.code AS sku, sku.category, sku.kind, sku.tracking,
        CASE WHEN sku.preorder_until > (now() AT TIME ZONE 'UTC')::date THEN sku.preorder_limit
            ELSE sku.oversell_limit END AS oversell_limit,
        location.code AS location, sku.active AS sku_active, location.active AS location_active
    FROM (SELECT * FROM wanted_level ORDER BY sku_id, location_id) AS wanted
    CROSS JOIN LATERAL (
        SELECT * FROM level WHERE sku_id = wanted.sku_id AND location_id = wanted.location_id FOR UPDATE
    ) AS level
    CROSS JOIN LATERAL (SELECT * FROM sku WHERE sku_id = wanted.sku_id OFFSET 0) AS sku
    CROSS JOIN LATERAL (SELECT * FROM location WHERE location_id = wanted.location_id OFFSET 0) AS location
)
SELECT
    ARRAY(
        SELECT ROW(sku_id, location_id, sku, location, sku_active, location_active, category, kind, tracking,
            oversell_limit, on_hand, held, allocated, quality_control, damaged, quarantined, backordered, in_transit,
            incoming, safety_stock, reorder_point, backorder_limit)::locked_place
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
    feed_head.revision AS seen,
    feed_head.topology AS topology
FROM feed_head

-- name: find_and_lock_wide
-- As find_and_lock, and beyond it: lines that name no place, bundles, SKUs that may be back-ordered, goods that arrive.
-- The same without the locks is find_wide.
-- $1 to $5 as there, $5 also how many lines of one level that wait for goods at most; $6 SKU codes, each with the
-- numbers of the locations it may come from, as text, which the driver sends without looking at each; $7 those SKU and
-- location codes of $2 where goods may arrive; $8 how many levels $2 and $6 may come to, line by line: of more none is
-- looked at.
-- Bundles are taken apart here: $2 and $6 lock the levels of what they are made of, which carries the bundle's places
-- along: to join the two again would look at every part for every bundle. Where a SKU has a limit for back-orders all
-- its levels are locked, since it is counted over all of them.
-- Gives also: how many levels were asked for; the levels that are locked only for $6, column by column, which costs a
-- fifth, a column that is 0 or unset everywhere as null; and what the SKUs of $6, the bundles of $2 and their parts are.
-- The reservations to read are also those that wait for goods.
WITH named AS MATERIALIZED (
    SELECT sku.sku_id, sku.kind, sku.oversells, location.location_id
    FROM unnest($2::code_pair[]) AS pair
    CROSS JOIN LATERAL (
        SELECT sku_id, kind, oversell_limit > 0 OR preorder_limit > 0 AS oversells FROM sku WHERE code = pair.sku OFFSET 0
    ) AS sku
    CROSS JOIN LATERAL (SELECT location_id FROM location WHERE code = pair.location OFFSET 0) AS location
), spread AS MATERIALIZED (
    SELECT sku.sku_id, sku.kind, sku.oversells, string_to_array(source.location_ids, ',')::integer[] AS location_ids
    FROM unnest($6::spread_row[]) AS source
    CROSS JOIN LATERAL (
        SELECT sku_id, kind, oversell_limit > 0 OR preorder_limit > 0 AS oversells FROM sku WHERE code = source.sku OFFSET 0
    ) AS sku
), leaf AS MATERIALIZED (
    SELECT bundle.sku_id AS bundle_sku_id, part.sku_id, part.quantity, bundle.named_ids, bundle.location_ids
    FROM (
        SELECT sku_id, coalesce(array_agg(location_id) FILTER (WHERE location_id IS NOT NULL), '{}') AS named_ids,
            coalesce(max(location_ids), '{}') AS location_ids
        FROM (
            SELECT sku_id, location_id, NULL::integer[] AS location_ids FROM named WHERE kind = 2
            UNION ALL
            SELECT sku_id, NULL, location_ids FROM spread WHERE kind = 2
        ) AS wanted
        GROUP BY sku_id
    ) AS bundle
    CROSS JOIN LATERAL (
        SELECT sku_id, quantity FROM bundle_leaf WHERE bundle_sku_id = bundle.sku_id OFFSET 0
    ) AS part
), asked AS MATERIALIZED (
    SELECT (SELECT count(*) FROM named WHERE kind <> 2)
        + (SELECT coalesce(sum(cardinality(location_ids)), 0) FROM spread WHERE kind <> 2)
        + (SELECT coalesce(sum(cardinality(named_ids) + cardinality(location_ids)), 0) FROM leaf) AS levels
), pair_level AS MATERIALIZED (
    SELECT sku_id, location_id FROM named, asked WHERE kind <> 2 AND levels <= $8
    UNION ALL
    SELECT sku_id, unnest(named_ids) FROM leaf, asked WHERE levels <= $8
    UNION ALL
    SELECT named.sku_id, level.location_id
    FROM named
    CROSS JOIN LATERAL (
        SELECT location_id FROM level WHERE sku_id = named.sku_id AND named.oversells OFFSET 0
    ) AS level
), wide AS MATERIALIZED (
    SELECT sku_id, location_ids FROM spread, asked WHERE kind <> 2 AND levels <= $8
    UNION ALL
    SELECT sku_id, location_ids FROM leaf, asked WHERE levels <= $8
    UNION ALL
    SELECT spread.sku_id, counted.location_ids
    FROM spread
    CROSS JOIN LATERAL (
        SELECT array_agg(location_id) AS location_ids FROM level WHERE sku_id = spread.sku_id
    ) AS counted
    WHERE spread.oversells
), due AS MATERIALIZED (
    SELECT reservation_id FROM reservation
    WHERE state = 1 AND expires_at <= now() AND cardinality($6::spread_row[]) > 0
    ORDER BY expires_at
    LIMIT $5
), few_due AS MATERIALIZED (
    SELECT count(*) < $5 AS few FROM due
), run_out AS MATERIALIZED (
    SELECT line.reservation_id
    FROM (
        SELECT sku_id, location_id FROM pair_level
        UNION ALL
        SELECT sku_id, unnest(location_ids) FROM wide, few_due WHERE NOT few
    ) AS key
    CROSS JOIN LATERAL (
        SELECT reservation_id FROM reservation_line
        WHERE sku_id = key.sku_id AND location_id = key.location_id AND (held > 0 OR backordered > 0)
            AND expires_at <= now()
        OFFSET 0
    ) AS line
    UNION ALL
    SELECT due.reservation_id
    FROM few_due, due
    CROSS JOIN LATERAL (
        SELECT sku_id, location_id FROM reservation_line WHERE reservation_id = due.reservation_id
            AND (held > 0 OR backordered > 0) OFFSET 0
    ) AS line
    JOIN wide ON wide.sku_id = line.sku_id AND line.location_id = ANY (wide.location_ids)
    WHERE few
    LIMIT $5
), queue AS MATERIALIZED (
    SELECT line.reservation_id
    FROM unnest($7::code_pair[]) AS pair
    CROSS JOIN LATERAL (SELECT sku_id FROM sku WHERE code = pair.sku OFFSET 0) AS sku
    CROSS JOIN LATERAL (SELECT location_id FROM location WHERE code = pair.location OFFSET 0) AS location
    CROSS JOIN LATERAL (
        SELECT reservation_id FROM reservation_line
        WHERE sku_id = sku.sku_id AND location_id = location.location_id AND backordered > 0
        ORDER BY accepted_revision, reservation_id, line_no
        LIMIT $5
    ) AS line
), wanted_reservation AS MATERIALIZED (
    SELECT unnest($3::uuid[]) AS reservation_id
    UNION
    SELECT reservation_id FROM run_out
    UNION
    SELECT reservation_id FROM queue
    UNION
    SELECT reservation.reservation_id
    FROM unnest($4::owner_key[]) AS key
    CROSS JOIN LATERAL (
        SELECT reservation_id FROM reservation
        WHERE channel_id = key.channel_id AND owner = key.owner AND state = 1 AND owner <> '' OFFSET 0
    ) AS reservation
), wanted_sku AS MATERIALIZED (
    SELECT sku_id, array_agg(DISTINCT location_id) AS location_ids,
        coalesce(array_agg(location_id) FILTER (WHERE whole), '{}') AS whole_ids
    FROM (
        SELECT sku_id, location_id, true AS whole FROM pair_level
        UNION ALL
        SELECT sku_id, unnest(location_ids), false FROM wide
        UNION ALL
        SELECT line.sku_id, line.location_id, true
        FROM wanted_reservation
        CROSS JOIN LATERAL (
            SELECT sku_id, location_id FROM reservation_line
            WHERE reservation_id = wanted_reservation.reservation_id OFFSET 0
        ) AS line
    ) AS wanted
    GROUP BY sku_id
), locked AS MATERIALIZED (
    SELECT level.*, level.location_id = ANY (wanted.whole_ids) AS whole
    FROM (SELECT * FROM wanted_sku ORDER BY sku_id) AS wanted
    CROSS JOIN LATERAL (
        SELECT * FROM level
        WHERE sku_id = wanted.sku_id AND location_id = ANY (wanted.location_ids)
        ORDER BY location_id
        FOR UPDATE
    ) AS level
)
SELECT
    ARRAY(
        SELECT ROW(locked.sku_id, locked.location_id, sku.code, location.code, sku.active, location.active,
            sku.category, sku.kind, sku.tracking,
            CASE WHEN sku.preorder_until > (now() AT TIME ZONE 'UTC')::date THEN sku.preorder_limit
                ELSE sku.oversell_limit END,
            locked.on_hand, locked.held, locked.allocated, locked.quality_control, locked.damaged, locked.quarantined,
            locked.backordered, locked.in_transit, locked.incoming, locked.safety_stock, locked.reorder_point,
            locked.backorder_limit)::locked_place
        FROM locked
        CROSS JOIN LATERAL (SELECT * FROM sku WHERE sku_id = locked.sku_id OFFSET 0) AS sku
        CROSS JOIN LATERAL (SELECT * FROM location WHERE location_id = locked.location_id OFFSET 0) AS location
        WHERE locked.whole
    ) AS levels,
    slim.*,
    ARRAY(
        SELECT ROW(sku.sku_id, sku.code, sku.active, sku.category, sku.kind, sku.tracking,
            CASE WHEN sku.preorder_until > (now() AT TIME ZONE 'UTC')::date THEN sku.preorder_limit
                ELSE sku.oversell_limit END,
            sku.from_several_places, wanted.ids, wanted.codes, wanted.quantities)::wanted_goods
        FROM (
            SELECT sku_id, array_agg(leaf_id ORDER BY leaf_id) FILTER (WHERE leaf_id IS NOT NULL) AS ids,
                array_agg(code ORDER BY leaf_id) FILTER (WHERE leaf_id IS NOT NULL) AS codes,
                array_agg(quantity ORDER BY leaf_id) FILTER (WHERE leaf_id IS NOT NULL) AS quantities
            FROM (
                SELECT bundle_sku_id AS sku_id, leaf.sku_id AS leaf_id, of_it.code, quantity
                FROM leaf
                CROSS JOIN LATERAL (SELECT code FROM sku WHERE sku_id = leaf.sku_id OFFSET 0) AS of_it
                UNION ALL
                SELECT sku_id, NULL, NULL, NULL FROM (
                    SELECT sku_id FROM spread UNION SELECT sku_id FROM leaf UNION SELECT sku_id FROM named WHERE kind = 2
                ) AS single
            ) AS part, asked
            WHERE levels <= $8
            GROUP BY sku_id
        ) AS wanted
        CROSS JOIN LATERAL (SELECT * FROM sku WHERE sku_id = wanted.sku_id OFFSET 0) AS sku
    ) AS goods,
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
    feed_head.revision AS seen,
    feed_head.topology AS topology,
    (SELECT levels::bigint FROM asked) AS asked
FROM feed_head
CROSS JOIN LATERAL (
    SELECT array_agg(sku_id) AS slim_sku_ids, array_agg(location_id) AS slim_location_ids,
        array_agg(on_hand) AS slim_on_hand, array_agg(held) AS slim_held, array_agg(allocated) AS slim_allocated,
        CASE WHEN bool_or(quality_control <> 0) THEN array_agg(quality_control) END AS slim_quality_control,
        CASE WHEN bool_or(damaged <> 0) THEN array_agg(damaged) END AS slim_damaged,
        CASE WHEN bool_or(quarantined <> 0) THEN array_agg(quarantined) END AS slim_quarantined,
        CASE WHEN bool_or(backordered <> 0) THEN array_agg(backordered) END AS slim_backordered,
        CASE WHEN bool_or(in_transit <> 0) THEN array_agg(in_transit) END AS slim_in_transit,
        CASE WHEN bool_or(incoming <> 0) THEN array_agg(incoming) END AS slim_incoming,
        CASE WHEN count(safety_stock) > 0 THEN array_agg(safety_stock) END AS slim_safety_stock,
        CASE WHEN count(reorder_point) > 0 THEN array_agg(reorder_point) END AS slim_reorder_point,
        CASE WHEN count(backorder_limit) > 0 THEN array_agg(backorder_limit) END AS slim_backorder_limit
    FROM locked WHERE NOT locked.whole
) AS slim

-- name: has_run_out_since
-- Whether a hold on locked levels ran out while the locks were waited for. $1, $2 ids of the levels; $3, $4 from when
-- until when.
SELECT EXISTS (
    SELECT FROM unnest($1::bigint[], $2::integer[]) AS key (sku_id, location_id)
    CROSS JOIN LATERAL (
        SELECT FROM reservation_line
        WHERE sku_id = key.sku_id AND location_id = key.location_id AND (held > 0 OR backordered > 0) AND expires_at > $3
            AND expires_at <= $4
        LIMIT 1
    ) AS line
)

-- name: is_due_since
-- Whether any hold at all ran out in a span. $1, $2 from when until when.
SELECT EXISTS (SELECT FROM reservation WHERE state = 1 AND expires_at > $1 AND expires_at <= $2)

-- name: limit_waits
-- Lets the statements of this transaction wait for a lock, and take as a whole, no longer than so. $1, $2 such as
-- "50ms"; null: as long as before.
SELECT set_config('lock_timeout', coalesce($1, current_setting('lock_timeout')), true),
    set_config('statement_timeout', coalesce($2, current_setting('statement_timeout')), true)

-- name: find_answer
-- The earlier answer to one request_id. Its row is locked, which is written to the log: so this COMMIT waits for the
-- synchronous standby, which perhaps lacks what wrote the row. $1 channel, $2 request_id.
SELECT channel_id, request_id, fingerprint, code, answer, revision FROM request
WHERE channel_id = $1 AND request_id = $2
FOR KEY SHARE

-- name: read_places
-- Of pairs without a level: what exists of them. $1 SKU and location codes.
SELECT pair.sku, pair.location, sku.sku_id, location.location_id, sku.active AS sku_active,
    location.active AS location_active, sku.category, sku.kind, sku.tracking,
    CASE WHEN sku.preorder_until > (now() AT TIME ZONE 'UTC')::date THEN sku.preorder_limit
        ELSE sku.oversell_limit END AS oversell_limit
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
CROSS JOIN LATERAL (SELECT sku_id FROM sku WHERE code = pair.sku AND kind <> 2 OFFSET 0) AS sku
CROSS JOIN LATERAL (SELECT location_id FROM location WHERE code = pair.location OFFSET 0) AS location
WHERE NOT EXISTS (
    SELECT FROM level WHERE level.sku_id = sku.sku_id AND level.location_id = location.location_id
)
ORDER BY sku.sku_id, location.location_id
ON CONFLICT (sku_id, location_id) DO NOTHING

-- name: read_reservations
-- Reservations with their lines, read under the locks of all their levels. $1 reservation ids.
SELECT reservation.reservation_id, reservation.channel_id, reservation.owner, reservation.reference,
    reservation.state, reservation.expires_at, reservation.created_at, reservation.purpose,
    reservation.pickup_location_id, reservation.ready_at, line.sku_id, line.location_id,
    line.requested, line.held, line.allocated, line.backordered, line.fulfilled, line.released, line.ask_no,
    line.lot_id, line.bundle_sku_id, line.bundle_quantity, line.accepted_revision, sku.code AS sku,
    location.code AS location, sku.tracking, sku.kind, bundle.code AS bundle, lot.code AS lot,
    CASE WHEN reservation.pickup_location_id IS NULL THEN '{}'::uuid[] ELSE ARRAY(
        SELECT transfer_id FROM transfer WHERE transfer.reservation_id = reservation.reservation_id ORDER BY transfer_id
    ) END AS transfer_ids
FROM unnest($1::uuid[]) AS named (reservation_id)
JOIN reservation ON reservation.reservation_id = named.reservation_id
JOIN reservation_line AS line ON line.reservation_id = named.reservation_id
JOIN sku ON sku.sku_id = line.sku_id
JOIN location ON location.location_id = line.location_id
LEFT JOIN sku AS bundle ON bundle.sku_id = line.bundle_sku_id
LEFT JOIN lot ON lot.lot_id = line.lot_id
ORDER BY line.reservation_id, line.line_no

-- name: read_views
-- Of channels and SKUs those where the SKU's view differs from the channel's. $1 channel_ids, $2 sku_ids.
SELECT key.channel_id, key.sku_id, view.buffer, view.cap, view.share_bp, view.oversell_limit
FROM (SELECT unnest($2::bigint[]) AS sku_id, channel_id FROM unnest($1::integer[]) AS channel_id) AS key
CROSS JOIN LATERAL (
    SELECT * FROM channel_sku WHERE channel_id = key.channel_id AND sku_id = key.sku_id OFFSET 0
) AS view

-- name: read_lot_levels
-- What of locked levels is of which lot. $1 sku_id and location_id.
SELECT of_level.sku_id, of_level.location_id, lot.lot_id, lot.code, lot.expires_on, of_level.on_hand, of_level.held,
    of_level.allocated, of_level.quality_control, of_level.damaged, of_level.quarantined
FROM unnest($1::level_key[]) AS key
CROSS JOIN LATERAL (
    SELECT * FROM lot_level
    WHERE sku_id = key.sku_id AND location_id = key.location_id AND on_hand > 0 OFFSET 0
) AS of_level
CROSS JOIN LATERAL (SELECT * FROM lot WHERE lot_id = of_level.lot_id OFFSET 0) AS lot

-- name: write_lot_levels
-- What of locked levels is of which lot, before write_stock. $1 rows.
INSERT INTO lot_level (sku_id, location_id, lot_id, on_hand, held, allocated, quality_control, damaged, quarantined,
    expires_on)
SELECT new.*, (SELECT expires_on FROM lot WHERE lot_id = new.lot_id) FROM unnest($1::lot_level_row[]) AS new
ON CONFLICT (sku_id, location_id, lot_id) DO UPDATE SET on_hand = excluded.on_hand, held = excluded.held,
    allocated = excluded.allocated, quality_control = excluded.quality_control, damaged = excluded.damaged,
    quarantined = excluded.quarantined

-- name: read_topology_revision
-- The revision that changed places or channels last.
SELECT topology FROM feed_head

-- name: read_sites
-- All places, as decisions see them.
SELECT location_id, code, kind, active, priority, latitude, longitude, handling, cutoff_minute, working_days, closed_on,
    time_zone, uses, transit_days
FROM location

-- name: read_channels
-- The channels that have settings, and whether some of their SKUs have a view of their own.
SELECT channel_id, kind, location_ids, buffer, cap, share_bp, oversell_limit, EXISTS (
    SELECT FROM channel_sku WHERE channel_sku.channel_id = channel.channel_id
) AS has_overrides, min_life_days, selling_stopped
FROM channel WHERE revision > 0

-- name: write_stock
-- Everything a batch of stock commands changes, as the last statement before COMMIT. Every part reads the head, so
-- the head is drawn and its lock had first: whoever comes second sees the first one's request_ids as duplicates.
-- Levels exist and are locked: ON CONFLICT finds each by its key whatever the planner believes of the table.
-- $1 how many revisions; $2 the decision's time; $3 levels, $4 movements, $5 reservations, $6 their lines, $7 answers;
-- $8 the NOTIFY channel; $9 the audit trail's entries; $10 whose each of the lines is. Gives the revision before the batch's first, and that of places and
-- channels: the decision may have been made by older ones, read before the locks were had.
WITH said AS MATERIALIZED (
    SELECT audit_content($2::timestamptz, $9::audit_row[], $4::movement_row[]) AS content
), head AS (
    UPDATE feed_head SET revision = revision + $1::integer, audited = audited + 1,
        chain = sha256(chain || int8send(audited + 1) || int8send(revision) || said.content)
    FROM said
    RETURNING revision - $1::integer AS base, topology, audited, chain, content
), audited_batch AS (
    INSERT INTO audit_batch (batch, base, content, chain, recorded_at)
    SELECT audited, base, content, chain, $2::timestamptz FROM head
), audited_entry AS (
    INSERT INTO audit_entry (batch, ordinal, step, channel_id, key_id, operator, peer, action, request_id, code, detail)
    SELECT head.audited, new.* FROM head, unnest($9::audit_row[]) AS new
), written_level AS (
    INSERT INTO level (sku_id, location_id, on_hand, held, allocated, quality_control, damaged, quarantined,
        backordered, in_transit, incoming, safety_stock, reorder_point, backorder_limit, revision)
    SELECT new.sku_id, new.location_id, new.on_hand, new.held, new.allocated, new.quality_control, new.damaged,
        new.quarantined, new.backordered, new.in_transit, new.incoming, new.safety_stock, new.reorder_point,
        new.backorder_limit, head.base + new.step
    FROM head, unnest($3::level_row[]) AS new
    ON CONFLICT (sku_id, location_id) DO UPDATE SET on_hand = excluded.on_hand, held = excluded.held,
        allocated = excluded.allocated, quality_control = excluded.quality_control, damaged = excluded.damaged,
        quarantined = excluded.quarantined, backordered = excluded.backordered, in_transit = excluded.in_transit,
        incoming = excluded.incoming, safety_stock = excluded.safety_stock,
        reorder_point = excluded.reorder_point, backorder_limit = excluded.backorder_limit,
        revision = excluded.revision
), written_movement AS (
    INSERT INTO movement (revision, ordinal, sku_id, location_id, kind, on_hand_delta, held_delta, allocated_delta,
        quality_control_delta, damaged_delta, quarantined_delta, backordered_delta, in_transit_delta, incoming_delta,
        on_hand_after, held_after, allocated_after, quality_control_after, damaged_after, quarantined_after,
        backordered_after, in_transit_after, incoming_after, channel_id, reservation_id, reason, reference, lot_id,
        recorded_at)
    SELECT head.base + new.step, new.ordinal, new.sku_id, new.location_id, new.kind, new.on_hand_delta,
        new.held_delta, new.allocated_delta, new.quality_control_delta, new.damaged_delta, new.quarantined_delta,
        new.backordered_delta, new.in_transit_delta, new.incoming_delta, new.on_hand_after, new.held_after,
        new.allocated_after, new.quality_control_after, new.damaged_after, new.quarantined_after,
        new.backordered_after, new.in_transit_after, new.incoming_after, new.channel_id, new.reservation_id,
        new.reason, new.reference, new.lot_id, $2::timestamptz
    FROM head, unnest($4::movement_row[]) AS new
), written_reservation AS (
    INSERT INTO reservation (reservation_id, channel_id, owner, reference, state, expires_at, created_at, purpose,
        pickup_location_id, ready_at)
    SELECT new.*
    FROM head, unnest($5::reservation_row[]) AS new
    ON CONFLICT (reservation_id) DO UPDATE SET reference = excluded.reference, state = excluded.state,
        expires_at = excluded.expires_at, ready_at = excluded.ready_at
), written_line AS (
    INSERT INTO reservation_line (reservation_id, line_no, sku_id, location_id, requested, held, allocated, backordered,
        fulfilled, released, ask_no, lot_id, bundle_sku_id, bundle_quantity, accepted_revision, expires_at, channel_id)
    SELECT new.reservation_id, new.line_no, new.sku_id, new.location_id, new.requested, new.held, new.allocated,
        new.backordered, new.fulfilled, new.released, new.ask_no, new.lot_id, new.bundle_sku_id, new.bundle_quantity,
        CASE WHEN new.accepted_revision > 0 THEN new.accepted_revision ELSE head.base - new.accepted_revision END,
        new.expires_at, new.channel_id
    FROM head, ROWS FROM (unnest($6::reservation_line_row[]), unnest($10::integer[])) AS new (reservation_id, line_no,
        sku_id, location_id, requested, held, allocated, backordered, fulfilled, released, ask_no, lot_id, bundle_sku_id,
        bundle_quantity, accepted_revision, expires_at, channel_id)
    ON CONFLICT (reservation_id, line_no) DO UPDATE SET requested = excluded.requested, held = excluded.held,
        allocated = excluded.allocated, backordered = excluded.backordered, fulfilled = excluded.fulfilled,
        released = excluded.released, expires_at = excluded.expires_at
), written_request AS (
    INSERT INTO request (channel_id, request_id, fingerprint, code, answer, revision, recorded_at)
    SELECT new.channel_id, new.request_id, new.fingerprint, new.code, new.answer, head.base + new.step,
        $2::timestamptz
    FROM head, unnest($7::request_row[]) AS new
)
SELECT base, topology, pg_notify($8, (base + $1::integer)::text) FROM head
