-- The promises, checked from the tables alone. Each query gives the rows that break one, the first $1 of them, and in
-- each how many there are: column `broken`, which is not shown. No rows: the promise holds.

-- name: verify_bounds
-- I1: no quantity is negative, unsellable goods lie on the shelf, and promises are covered. $1 rows.
SELECT count(*) OVER () AS broken, sku.code AS sku, location.code AS location, level.on_hand, level.held,
    level.allocated, level.quality_control, level.damaged, level.quarantined, level.backorder_limit
FROM level
LEFT JOIN sku USING (sku_id)
LEFT JOIN location USING (location_id)
WHERE least(on_hand, held, allocated, quality_control, damaged, quarantined) < 0
    OR quality_control + damaged + quarantined > on_hand
    OR held + allocated + quality_control + damaged + quarantined > on_hand + coalesce(backorder_limit, 0)
ORDER BY level.sku_id, level.location_id
LIMIT $1

-- name: verify_promises
-- I2: held and allocated of a level are the sums over reservation lines. $1 rows.
WITH line AS (
    SELECT sku_id, location_id, sum(held) AS held, sum(allocated) AS allocated
    FROM reservation_line WHERE held <> 0 OR allocated <> 0
    GROUP BY sku_id, location_id
), promised AS (
    SELECT sku_id, location_id, held, allocated FROM level WHERE held <> 0 OR allocated <> 0
)
SELECT count(*) OVER () AS broken, sku.code AS sku, location.code AS location, coalesce(promised.held, 0) AS held,
    coalesce(line.held, 0) AS held_by_lines, coalesce(promised.allocated, 0) AS allocated,
    coalesce(line.allocated, 0) AS allocated_by_lines
FROM promised
FULL JOIN line USING (sku_id, location_id)
LEFT JOIN sku USING (sku_id)
LEFT JOIN location USING (location_id)
WHERE coalesce(promised.held, 0) <> coalesce(line.held, 0)
    OR coalesce(promised.allocated, 0) <> coalesce(line.allocated, 0)
ORDER BY sku_id, location_id
LIMIT $1

-- name: verify_sums
-- I3: each quantity of a level is the sum of its movements. $1 rows.
WITH ledger AS (
    SELECT sku_id, location_id, sum(on_hand_delta) AS on_hand, sum(held_delta) AS held,
        sum(allocated_delta) AS allocated, sum(quality_control_delta) AS quality_control,
        sum(damaged_delta) AS damaged, sum(quarantined_delta) AS quarantined
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
    ('quarantined', coalesce(level.quarantined, 0), coalesce(ledger.quarantined, 0))
) AS named (quantity, level, ledger)
WHERE (coalesce(level.on_hand, 0), coalesce(level.held, 0), coalesce(level.allocated, 0),
        coalesce(level.quality_control, 0), coalesce(level.damaged, 0), coalesce(level.quarantined, 0))
    IS DISTINCT FROM (coalesce(ledger.on_hand, 0), coalesce(ledger.held, 0), coalesce(ledger.allocated, 0),
        coalesce(ledger.quality_control, 0), coalesce(ledger.damaged, 0), coalesce(ledger.quarantined, 0))
    AND named.level <> named.ledger
ORDER BY sku_id, location_id, named.quantity
LIMIT $1

-- name: verify_chain
-- Each movement's balances are those of the level's movement before it plus what it adds. $1 rows.
WITH chained AS (
    SELECT *, row_number() OVER earlier AS place, lag(on_hand_after, 1, 0::bigint) OVER earlier AS on_hand_before,
        lag(held_after, 1, 0::bigint) OVER earlier AS held_before,
        lag(allocated_after, 1, 0::bigint) OVER earlier AS allocated_before,
        lag(quality_control_after, 1, 0::bigint) OVER earlier AS quality_control_before,
        lag(damaged_after, 1, 0::bigint) OVER earlier AS damaged_before,
        lag(quarantined_after, 1, 0::bigint) OVER earlier AS quarantined_before
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
    ('quarantined', quarantined_before, quarantined_delta, quarantined_after)
) AS named (quantity, before, delta, after)
WHERE (on_hand_before + on_hand_delta <> on_hand_after OR held_before + held_delta <> held_after
        OR allocated_before + allocated_delta <> allocated_after
        OR quality_control_before + quality_control_delta <> quality_control_after
        OR damaged_before + damaged_delta <> damaged_after
        OR quarantined_before + quarantined_delta <> quarantined_after)
    AND named.before + named.delta <> named.after
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
    level.allocated, last.allocated_after
FROM level
FULL JOIN last USING (sku_id, location_id)
LEFT JOIN sku USING (sku_id)
LEFT JOIN location USING (location_id)
WHERE (level.on_hand, level.held, level.allocated, level.quality_control, level.damaged, level.quarantined,
        level.revision)
    IS DISTINCT FROM (coalesce(last.on_hand_after, 0), coalesce(last.held_after, 0),
        coalesce(last.allocated_after, 0), coalesce(last.quality_control_after, 0), coalesce(last.damaged_after, 0),
        coalesce(last.quarantined_after, 0), coalesce(last.revision, 0))
ORDER BY sku_id, location_id
LIMIT $1

-- name: verify_revisions
-- The order is dense: every revision from the oldest kept to the head has rows, and none lies beyond. $1 rows.
WITH changed AS (
    SELECT revision FROM movement UNION SELECT revision FROM sku_version UNION SELECT revision FROM location_version
    UNION SELECT revision FROM subscriber_version
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
    SELECT reservation_id, sum(held) AS held, sum(allocated) AS allocated, sum(fulfilled) AS fulfilled,
        sum(released) AS released, min(least(held, allocated, fulfilled, released)) AS least,
        bool_or(held + allocated + fulfilled + released > requested) AS over
    FROM reservation_line GROUP BY reservation_id
)
SELECT count(*) OVER () AS broken, reservation_id, reservation.state, line.held, line.allocated, line.fulfilled,
    line.released
FROM reservation
FULL JOIN line USING (reservation_id)
WHERE reservation.state IS NULL OR line.held IS NULL OR line.least < 0 OR line.over
    OR CASE reservation.state
        WHEN 1 THEN line.held = 0
        WHEN 2 THEN line.held > 0 OR line.allocated = 0
        WHEN 3 THEN line.held > 0 OR line.allocated > 0 OR line.fulfilled = 0
        ELSE line.held > 0 OR line.allocated > 0 OR line.fulfilled > 0
    END
ORDER BY reservation_id
LIMIT $1

-- name: verify_lines
-- What a reservation's line has is what the ledger moved for it. $1 rows.
WITH moved AS (
    SELECT reservation_id, sku_id, location_id, sum(held_delta) AS held, sum(allocated_delta) AS allocated,
        -sum(on_hand_delta) AS fulfilled
    FROM movement WHERE reservation_id IS NOT NULL
    GROUP BY reservation_id, sku_id, location_id
), line AS (
    SELECT reservation_id, sku_id, location_id, sum(held) AS held, sum(allocated) AS allocated,
        sum(fulfilled) AS fulfilled
    FROM reservation_line GROUP BY reservation_id, sku_id, location_id
)
SELECT count(*) OVER () AS broken, reservation_id, sku.code AS sku, location.code AS location, line.held,
    moved.held AS held_moved, line.allocated, moved.allocated AS allocated_moved, line.fulfilled,
    moved.fulfilled AS fulfilled_moved
FROM line
FULL JOIN moved USING (reservation_id, sku_id, location_id)
LEFT JOIN sku USING (sku_id)
LEFT JOIN location USING (location_id)
WHERE (line.held, line.allocated, line.fulfilled) IS DISTINCT FROM
        (coalesce(moved.held, 0), coalesce(moved.allocated, 0), coalesce(moved.fulfilled, 0))
ORDER BY reservation_id, sku_id, location_id
LIMIT $1

-- name: verify_answers
-- A remembered answer names no revision beyond the head. $1 rows.
SELECT count(*) OVER () AS broken, request.request_id, request.revision, feed_head.revision AS head
FROM request, feed_head
WHERE request.revision > feed_head.revision OR request.revision < 1
ORDER BY request.revision DESC
LIMIT $1
