-- The promises, checked from the tables alone. Each query gives the rows that break one, the first $1 of them, and in
-- each how many there are: column `broken`, which is not shown. No rows: the promise holds.

-- name: verify_bounds
-- I1: no quantity is negative, unsellable goods lie on the shelf, and promises are covered. $1 rows.
SELECT count(*) OVER () AS broken, sku.code AS sku, location.code AS location, level.on_hand, level.held,
    level.allocated, level.quality_control, level.damaged, level.quarantined, level.backordered, level.in_transit,
    level.incoming, level.backorder_limit
FROM level
LEFT JOIN sku USING (sku_id)
LEFT JOIN location USING (location_id)
WHERE least(on_hand, held, allocated, quality_control, damaged, quarantined, backordered, in_transit, incoming) < 0
    OR held + allocated + quality_control + damaged + quarantined > on_hand
    OR backordered > backorder_limit
ORDER BY level.sku_id, level.location_id
LIMIT $1

-- name: verify_promises
-- I2: held, allocated and backordered of a level are the sums over reservation lines. $1 rows.
WITH line AS (
    SELECT sku_id, location_id, sum(held) AS held, sum(allocated) AS allocated, sum(backordered) AS backordered
    FROM reservation_line WHERE held <> 0 OR allocated <> 0 OR backordered <> 0
    GROUP BY sku_id, location_id
), promised AS (
    SELECT sku_id, location_id, held, allocated, backordered FROM level
    WHERE held <> 0 OR allocated <> 0 OR backordered <> 0
)
SELECT count(*) OVER () AS broken, sku.code AS sku, location.code AS location, coalesce(promised.held, 0) AS held,
    coalesce(line.held, 0) AS held_by_lines, coalesce(promised.allocated, 0) AS allocated,
    coalesce(line.allocated, 0) AS allocated_by_lines, coalesce(promised.backordered, 0) AS backordered,
    coalesce(line.backordered, 0) AS backordered_by_lines
FROM promised
FULL JOIN line USING (sku_id, location_id)
LEFT JOIN sku USING (sku_id)
LEFT JOIN location USING (location_id)
WHERE coalesce(promised.held, 0) <> coalesce(line.held, 0)
    OR coalesce(promised.allocated, 0) <> coalesce(line.allocated, 0)
    OR coalesce(promised.backordered, 0) <> coalesce(line.backordered, 0)
ORDER BY sku_id, location_id
LIMIT $1

-- name: verify_sums
-- I3: each quantity of a level is the sum of its movements. $1 rows.
WITH ledger AS (
    SELECT sku_id, location_id, sum(on_hand_delta) AS on_hand, sum(held_delta) AS held, sum(allocated_delta) AS allocated,
        sum(quality_control_delta) AS quality_control, sum(damaged_delta) AS damaged, sum(quarantined_delta) AS quarantined,
        sum(backordered_delta) AS backordered, sum(in_transit_delta) AS in_transit, sum(incoming_delta) AS incoming
    FROM movement GROUP BY sku_id, location_id
)
SELECT count(*) OVER () AS broken, sku.code AS sku, location.code AS location,
    named.quantity, named.level, named.ledger
FROM level
FULL JOIN ledger USING (sku_id, location_id)
LEFT JOIN sku USING (sku_id)
LEFT JOIN location USING (location_id)
CROSS JOIN LATERAL (VALUES
    ('on_hand', coalesce(level.on_hand, 0), coalesce(ledger.on_hand, 0)),
    ('held', coalesce(level.held, 0), coalesce(ledger.held, 0)),
    ('allocated', coalesce(level.allocated, 0), coalesce(ledger.allocated, 0)),
    ('quality_control', coalesce(level.quality_control, 0), coalesce(ledger.quality_control, 0)),
    ('damaged', coalesce(level.damaged, 0), coalesce(ledger.damaged, 0)),
    ('quarantined', coalesce(level.quarantined, 0), coalesce(ledger.quarantined, 0)),
    ('backordered', coalesce(level.backordered, 0), coalesce(ledger.backordered, 0)),
    ('in_transit', coalesce(level.in_transit, 0), coalesce(ledger.in_transit, 0)),
    ('incoming', coalesce(level.incoming, 0), coalesce(ledger.incoming, 0))
) AS named (quantity, level, ledger)
WHERE named.level <> named.ledger
ORDER BY sku_id, location_id, named.quantity
LIMIT $1

-- name: verify_chain
-- Each movement's balances are those of the level's movement before it plus what it adds. $1 rows.
WITH chained AS (
    SELECT *, lag(on_hand_after, 1, 0::bigint) OVER earlier AS on_hand_before,
        lag(held_after, 1, 0::bigint) OVER earlier AS held_before,
        lag(allocated_after, 1, 0::bigint) OVER earlier AS allocated_before,
        lag(quality_control_after, 1, 0::bigint) OVER earlier AS quality_control_before,
        lag(damaged_after, 1, 0::bigint) OVER earlier AS damaged_before,
        lag(quarantined_after, 1, 0::bigint) OVER earlier AS quarantined_before,
        lag(backordered_after, 1, 0::bigint) OVER earlier AS backordered_before,
        lag(in_transit_after, 1, 0::bigint) OVER earlier AS in_transit_before,
        lag(incoming_after, 1, 0::bigint) OVER earlier AS incoming_before
    FROM movement
    WINDOW earlier AS (PARTITION BY sku_id, location_id ORDER BY revision, ordinal)
)
SELECT count(*) OVER () AS broken, chained.revision, chained.ordinal, sku.code AS sku, location.code AS location,
    named.quantity, named.before, named.delta, named.after
FROM chained
LEFT JOIN sku USING (sku_id)
LEFT JOIN location USING (location_id)
CROSS JOIN LATERAL (VALUES
    ('on_hand', on_hand_before, on_hand_delta, on_hand_after),
    ('held', held_before, held_delta, held_after),
    ('allocated', allocated_before, allocated_delta, allocated_after),
    ('quality_control', quality_control_before, quality_control_delta, quality_control_after),
    ('damaged', damaged_before, damaged_delta, damaged_after),
    ('quarantined', quarantined_before, quarantined_delta, quarantined_after),
    ('backordered', backordered_before, backordered_delta, backordered_after),
    ('in_transit', in_transit_before, in_transit_delta, in_transit_after),
    ('incoming', incoming_before, incoming_delta, incoming_after)
) AS named (quantity, before, delta, after)
WHERE named.before + named.delta <> named.after
ORDER BY chained.revision, chained.ordinal, named.quantity
LIMIT $1

-- name: verify_last
-- A level is what its last movement left, and names that movement's revision. $1 rows.
WITH last AS (
    SELECT DISTINCT ON (sku_id, location_id) *
    FROM movement ORDER BY sku_id, location_id, revision DESC, ordinal DESC
)
SELECT count(*) OVER () AS broken, sku.code AS sku, location.code AS location, level.revision,
    last.revision AS last_revision, level.on_hand, last.on_hand_after, level.held, last.held_after,
    level.allocated, last.allocated_after, level.backordered, last.backordered_after
FROM level
FULL JOIN last USING (sku_id, location_id)
LEFT JOIN sku USING (sku_id)
LEFT JOIN location USING (location_id)
WHERE (level.on_hand, level.held, level.allocated,
        level.quality_control, level.damaged, level.quarantined,
        level.backordered, level.in_transit, level.incoming, level.revision)
    IS DISTINCT FROM (coalesce(last.on_hand_after, 0), coalesce(last.held_after, 0), coalesce(last.allocated_after, 0),
        coalesce(last.quality_control_after, 0), coalesce(last.damaged_after, 0), coalesce(last.quarantined_after, 0),
        coalesce(last.backordered_after, 0), coalesce(last.in_transit_after, 0), coalesce(last.incoming_after, 0), coalesce(last.revision, 0))
ORDER BY sku_id, location_id
LIMIT $1

-- name: verify_revisions
-- The order is dense: every revision from the oldest kept to the head has rows, and none lies beyond. $1 rows.
WITH changed AS (
    SELECT revision FROM movement UNION SELECT revision FROM sku_version UNION SELECT revision FROM location_version
    UNION SELECT revision FROM subscriber_version UNION SELECT revision FROM channel_version
    UNION SELECT revision FROM channel_sku_version UNION SELECT revision FROM alarm_version
), bounded AS (
    SELECT revision FROM changed
    UNION SELECT compacted FROM feed_head
    UNION SELECT revision + 1 FROM feed_head
), neighbours AS (
    SELECT revision, lag(revision) OVER (ORDER BY revision) AS previous FROM bounded
), gap AS (
    SELECT 'no rows' AS finding, previous + 1 AS from_revision, neighbours.revision - 1 AS to_revision
    FROM neighbours, feed_head
    WHERE neighbours.revision > previous + 1 AND previous >= feed_head.compacted
    UNION ALL
    SELECT 'beyond the head', min(changed.revision), max(changed.revision)
    FROM changed, feed_head WHERE changed.revision > feed_head.revision
    HAVING count(*) > 0
    UNION ALL
    SELECT 'not positive', min(changed.revision), max(changed.revision)
    FROM changed WHERE changed.revision < 1
    HAVING count(*) > 0
)
SELECT count(*) OVER () AS broken, gap.finding, gap.from_revision, gap.to_revision, feed_head.revision AS head
FROM gap, feed_head
ORDER BY gap.from_revision
LIMIT $1

-- name: verify_ordinals
-- A revision's movements are numbered from 0 without a gap, and are of one time and one channel. $1 rows.
SELECT count(*) OVER () AS broken, revision, count(*) AS movements, min(ordinal) AS first_ordinal,
    max(ordinal) AS last_ordinal, count(DISTINCT recorded_at) AS times
FROM movement
GROUP BY revision
HAVING min(ordinal) <> 0 OR max(ordinal) <> count(*) - 1 OR min(recorded_at) <> max(recorded_at)
ORDER BY revision
LIMIT $1

-- name: verify_states
-- A reservation's state is what its lines add up to, and its lines are whole. $1 rows.
WITH line AS (
    SELECT reservation_id, sum(held) AS held, sum(allocated) AS allocated, sum(backordered) AS backordered,
        sum(fulfilled) AS fulfilled, sum(released) AS released,
        min(least(held, allocated, backordered, fulfilled, released)) AS least,
        bool_or(held + allocated + backordered + fulfilled + released > requested) AS over
    FROM reservation_line GROUP BY reservation_id
)
SELECT count(*) OVER () AS broken, reservation_id, reservation.state, line.held, line.allocated, line.backordered,
    line.fulfilled, line.released
FROM reservation
FULL JOIN line USING (reservation_id)
WHERE reservation.state IS NULL OR line.held IS NULL OR line.least < 0 OR line.over
    OR CASE reservation.state
        WHEN 1 THEN line.held + line.backordered = 0
        WHEN 2 THEN line.held > 0 OR line.allocated + line.backordered = 0
        WHEN 3 THEN line.held + line.allocated + line.backordered > 0 OR line.fulfilled = 0
        ELSE line.held + line.allocated + line.backordered + line.fulfilled > 0
    END
ORDER BY reservation_id
LIMIT $1

-- name: verify_lines
-- What a reservation's line has is what the ledger moved for it. $1 rows.
WITH moved AS (
    SELECT reservation_id, sku_id, location_id, sum(held_delta) AS held, sum(allocated_delta) AS allocated,
        sum(backordered_delta) AS backordered, -coalesce(sum(on_hand_delta) FILTER (WHERE kind = 9), 0) AS fulfilled
    FROM movement WHERE reservation_id IS NOT NULL
    GROUP BY reservation_id, sku_id, location_id
), line AS (
    SELECT reservation_id, sku_id, location_id, sum(held) AS held, sum(allocated) AS allocated,
        sum(backordered) AS backordered, sum(fulfilled) AS fulfilled
    FROM reservation_line GROUP BY reservation_id, sku_id, location_id
)
SELECT count(*) OVER () AS broken, reservation_id, sku.code AS sku, location.code AS location, line.held,
    moved.held AS held_moved, line.allocated, moved.allocated AS allocated_moved, line.backordered,
    moved.backordered AS backordered_moved, line.fulfilled, moved.fulfilled AS fulfilled_moved
FROM line
FULL JOIN moved USING (reservation_id, sku_id, location_id)
LEFT JOIN sku USING (sku_id)
LEFT JOIN location USING (location_id)
WHERE (line.held, line.allocated, line.backordered, line.fulfilled) IS DISTINCT FROM (coalesce(moved.held, 0),
        coalesce(moved.allocated, 0), coalesce(moved.backordered, 0), coalesce(moved.fulfilled, 0))
ORDER BY reservation_id, sku_id, location_id
LIMIT $1

-- name: verify_lots
-- What of a level is of which lot is what the ledger moved of the lot, the lots of a level that is told apart by them add
-- up to it, and what stands of a lot lasts as long as the lot. $1 rows.
WITH moved AS (
    SELECT sku_id, location_id, lot_id, sum(on_hand_delta) AS on_hand, sum(held_delta) AS held,
        sum(allocated_delta) AS allocated,
        sum(quality_control_delta + damaged_delta + quarantined_delta) AS unsellable
    FROM movement WHERE lot_id IS NOT NULL
    GROUP BY sku_id, location_id, lot_id
), stands AS (
    SELECT sku_id, location_id, lot_id, on_hand, held, allocated, quality_control + damaged + quarantined AS unsellable
    FROM lot_level
), summed AS (
    SELECT sku_id, location_id, sum(on_hand) AS on_hand, sum(held) AS held, sum(allocated) AS allocated,
        sum(unsellable) AS unsellable
    FROM stands GROUP BY sku_id, location_id
), found AS (
    SELECT sku_id, location_id, lot_id, stands.on_hand, moved.on_hand AS on_hand_moved, stands.held,
        moved.held AS held_moved, stands.allocated, moved.allocated AS allocated_moved, stands.unsellable,
        moved.unsellable AS unsellable_moved
    FROM stands
    FULL JOIN moved USING (sku_id, location_id, lot_id)
    WHERE (coalesce(stands.on_hand, 0), coalesce(stands.held, 0), coalesce(stands.allocated, 0),
            coalesce(stands.unsellable, 0))
        IS DISTINCT FROM (coalesce(moved.on_hand, 0), coalesce(moved.held, 0), coalesce(moved.allocated, 0),
            coalesce(moved.unsellable, 0))
    UNION ALL
    SELECT sku_id, location_id, NULL, level.on_hand, summed.on_hand, level.held, summed.held, level.allocated,
        summed.allocated, level.quality_control + level.damaged + level.quarantined, summed.unsellable
    FROM level
    JOIN sku USING (sku_id)
    LEFT JOIN summed USING (sku_id, location_id)
    WHERE sku.tracking = 1 AND (level.on_hand, level.held, level.allocated,
            level.quality_control + level.damaged + level.quarantined)
        IS DISTINCT FROM (coalesce(summed.on_hand, 0), coalesce(summed.held, 0), coalesce(summed.allocated, 0),
            coalesce(summed.unsellable, 0))
    UNION ALL
    SELECT lot_level.sku_id, lot_level.location_id, lot_level.lot_id, lot_level.on_hand, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL
    FROM lot_level JOIN lot ON lot.lot_id = lot_level.lot_id
    WHERE lot_level.expires_on IS DISTINCT FROM lot.expires_on OR lot_level.sku_id <> lot.sku_id OR NOT lot.known
)
SELECT count(*) OVER () AS broken, sku.code AS sku, location.code AS location, lot.code AS lot, found.on_hand,
    found.on_hand_moved, found.held, found.held_moved, found.allocated, found.allocated_moved, found.unsellable,
    found.unsellable_moved
FROM found
LEFT JOIN sku USING (sku_id)
LEFT JOIN location USING (location_id)
LEFT JOIN lot ON lot.lot_id = found.lot_id
ORDER BY found.sku_id, found.location_id, found.lot_id
LIMIT $1

-- name: verify_serials
-- Of a SKU that is tracked by serial numbers as many pieces are at a place as are on hand there. $1 rows.
WITH piece AS (
    SELECT sku_id, location_id, count(*) AS pieces FROM serial WHERE state <= 2 GROUP BY sku_id, location_id
)
SELECT count(*) OVER () AS broken, sku.code AS sku, location.code AS location, level.on_hand, piece.pieces
FROM level
JOIN sku USING (sku_id)
FULL JOIN piece USING (sku_id, location_id)
LEFT JOIN location USING (location_id)
WHERE (sku.tracking = 2 OR piece.pieces > 0) AND coalesce(level.on_hand, 0) <> coalesce(piece.pieces, 0)
ORDER BY sku_id, location_id
LIMIT $1

-- name: verify_pieces
-- A piece is what its last event left, and no line of a reservation has more pieces promised or issued than it has. What
-- came back is no longer the line's. $1 rows.
WITH wrong AS (
    SELECT piece.sku_id, piece.serial, piece.revision, last.revision AS last_revision, 'last event' AS why
    FROM serial AS piece
    FULL JOIN (
        SELECT DISTINCT ON (sku_id, serial) * FROM serial_event ORDER BY sku_id, serial, revision DESC
    ) AS last USING (sku_id, serial)
    WHERE (piece.revision, piece.state, piece.location_id, piece.disposition, piece.reservation_id)
        IS DISTINCT FROM (last.revision, last.state, last.location_id, last.disposition, last.reservation_id)
    UNION ALL
    SELECT piece.sku_id, min(piece.serial), max(piece.revision), NULL, 'more than the line has'
    FROM serial AS piece
    LEFT JOIN reservation_line AS line USING (reservation_id, line_no)
    WHERE piece.reservation_id IS NOT NULL
    GROUP BY piece.reservation_id, piece.line_no, piece.sku_id, line.sku_id, line.held, line.allocated, line.fulfilled
    HAVING piece.sku_id IS DISTINCT FROM line.sku_id
        OR count(*) FILTER (WHERE piece.state = 2) > line.held + line.allocated
        OR count(*) FILTER (WHERE piece.state = 3) > line.fulfilled
)
SELECT count(*) OVER () AS broken, sku.code AS sku, wrong.serial, wrong.revision, wrong.last_revision, wrong.why
FROM wrong LEFT JOIN sku USING (sku_id)
ORDER BY wrong.sku_id, wrong.serial, wrong.why
LIMIT $1

-- name: verify_in_transit
-- What is in transit to a place is what shipped transfers still owe it, and what is incoming is what is expected.
-- $1 rows.
WITH way AS (
    SELECT line.sku_id, transfer.to_location_id AS location_id, sum(line.shipped - line.received - line.missing) AS quantity
    FROM transfer JOIN transfer_line AS line USING (transfer_id)
    WHERE transfer.state = 2
    GROUP BY line.sku_id, transfer.to_location_id
), due AS (
    SELECT sku_id, location_id, sum(quantity) AS quantity FROM incoming GROUP BY sku_id, location_id
), level AS (
    SELECT sku_id, location_id, in_transit, incoming FROM level WHERE in_transit <> 0 OR incoming <> 0
)
SELECT count(*) OVER () AS broken, sku.code AS sku, location.code AS location, level.in_transit,
    way.quantity AS shipped, level.incoming, due.quantity AS expected
FROM level
FULL JOIN way USING (sku_id, location_id)
FULL JOIN due USING (sku_id, location_id)
LEFT JOIN sku USING (sku_id)
LEFT JOIN location USING (location_id)
WHERE coalesce(level.in_transit, 0) <> coalesce(way.quantity, 0) OR coalesce(level.incoming, 0) <> coalesce(due.quantity, 0)
ORDER BY sku_id, location_id
LIMIT $1

-- name: verify_channels
-- A channel's settings, and the views of its SKUs, are those of their last versions; and each change of a view is one of
-- its channel's revisions, as the feed tells of it by that. $1 rows.
WITH last_channel AS (
    SELECT DISTINCT ON (channel_id) * FROM channel_version ORDER BY channel_id, revision DESC
), last_view AS (
    SELECT DISTINCT ON (channel_id, sku_id) * FROM channel_sku_version ORDER BY channel_id, sku_id, revision DESC
), found AS (
    SELECT 'settings' AS finding, channel_id, NULL::bigint AS sku_id, last.revision
    FROM (SELECT * FROM channel WHERE revision > 0) AS channel
    FULL JOIN last_channel AS last USING (channel_id)
    WHERE (channel.revision, channel.name, channel.kind, channel.location_ids, channel.buffer, channel.cap,
            channel.share_bp, channel.oversell_limit, channel.min_life_days, channel.silent_after,
            channel.stop_selling_when_silent, channel.selling_stopped)
        IS DISTINCT FROM (last.revision, last.name, last.kind, last.location_ids, last.buffer, last.cap, last.share_bp,
            last.oversell_limit, last.min_life_days, last.silent_after, last.stop_selling_when_silent,
            last.selling_stopped)
    UNION ALL
    SELECT 'view', channel_id, sku_id, last.revision
    FROM channel_sku AS view
    FULL JOIN last_view AS last USING (channel_id, sku_id)
    WHERE (view.buffer, view.cap, view.share_bp, view.oversell_limit)
        IS DISTINCT FROM (last.buffer, last.cap, last.share_bp, last.oversell_limit)
    UNION ALL
    SELECT 'not told', channel_id, sku_id, version.revision
    FROM channel_sku_version AS version
    WHERE NOT EXISTS (
        SELECT FROM channel_version
        WHERE channel_version.revision = version.revision AND channel_version.channel_id = version.channel_id
    )
)
SELECT count(*) OVER () AS broken, found.finding, channel.code AS channel, sku.code AS sku, found.revision
FROM found
LEFT JOIN channel USING (channel_id)
LEFT JOIN sku USING (sku_id)
ORDER BY found.finding, found.channel_id, found.sku_id
LIMIT $1

-- name: verify_answers
-- A remembered answer names no revision beyond the head. $1 rows.
SELECT count(*) OVER () AS broken, request.request_id, request.revision, feed_head.revision AS head
FROM request, feed_head
WHERE request.revision > feed_head.revision OR request.revision < 1
ORDER BY request.revision DESC
LIMIT $1
