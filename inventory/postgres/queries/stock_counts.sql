-- name: lock_counts
-- Locks stock counts in the order of their ids, before any level; says where they count and how far they have come.
-- $1 ids.
SELECT found.count_id, found.state, location.code AS location
FROM (SELECT DISTINCT unnest($1::uuid[]) AS count_id ORDER BY count_id) AS named
CROSS JOIN LATERAL (
    SELECT count_id, state, location_id FROM stock_count WHERE count_id = named.count_id FOR UPDATE
) AS found
CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = found.location_id OFFSET 0) AS location

-- name: read_counts
-- Stock counts by id. $1 ids; $2, $3 the reader's places and categories, as in read_stock: of a count that is of others
-- nothing is known.
SELECT found.count_id, found.channel_id, channel.code AS channel, found.location_id, location.code AS location,
    found.category, found.state, found.version, found.lines, found.reference, found.reason, found.opened_at,
    found.ended_at
FROM unnest($1::uuid[]) AS named (count_id)
CROSS JOIN LATERAL (SELECT * FROM stock_count WHERE count_id = named.count_id OFFSET 0) AS found
CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = found.location_id OFFSET 0) AS location
CROSS JOIN LATERAL (SELECT code FROM channel WHERE channel_id = found.channel_id OFFSET 0) AS channel
WHERE ($2::integer[] IS NULL OR found.location_id = ANY ($2::integer[]))
    AND ($3::text[] IS NULL OR (found.category || '/') ^@ ANY ($3::text[]))

-- name: read_count_differences
-- The lines of stock counts that differ, which is what posting moves. $1 ids.
SELECT line.count_id, sku.code AS sku, coalesce(lot.code, '') AS lot, line.sku_id, line.lot_id, line.counted,
    line.on_hand, line.at_revision, sku.kind, lot.expires_on
FROM unnest($1::uuid[]) AS named (count_id)
CROSS JOIN LATERAL (
    SELECT * FROM stock_count_line WHERE count_id = named.count_id AND counted <> on_hand OFFSET 0
) AS line
CROSS JOIN LATERAL (SELECT code, kind FROM sku WHERE sku_id = line.sku_id OFFSET 0) AS sku
LEFT JOIN LATERAL (SELECT code, expires_on FROM lot WHERE lot_id = line.lot_id OFFSET 0) AS lot ON true

-- name: read_count_lines
-- The lines of SKUs in stock counts. $1, $2 ids and SKU codes.
SELECT line.count_id, sku.code AS sku, coalesce(lot.code, '') AS lot, line.sku_id, line.lot_id, line.counted,
    line.on_hand, line.at_revision
FROM unnest($1::uuid[], $2::text[]) AS key (count_id, sku)
CROSS JOIN LATERAL (SELECT sku_id, code FROM sku WHERE code = key.sku OFFSET 0) AS sku
CROSS JOIN LATERAL (
    SELECT * FROM stock_count_line WHERE count_id = key.count_id AND sku_id = sku.sku_id OFFSET 0
) AS line
LEFT JOIN LATERAL (SELECT code FROM lot WHERE lot_id = line.lot_id OFFSET 0) AS lot ON true

-- name: read_counted_skus
-- Of SKUs those that have levels: all but bundles. $1 SKU codes.
SELECT sku.code
FROM unnest($1::text[]) AS key (code)
CROSS JOIN LATERAL (SELECT code, kind FROM sku WHERE code = key.code OFFSET 0) AS sku
WHERE sku.kind <> 2

-- name: read_on_hand_at
-- What on_hand of levels was once: the balance of the last movement up to then, 0 before the first.
-- $1, $2 sku_id and location_id; $3 revisions.
SELECT key.sku_id, key.location_id, key.revision, coalesce((
    SELECT on_hand_after FROM movement
    WHERE sku_id = key.sku_id AND location_id = key.location_id AND revision <= key.revision
    ORDER BY revision DESC, ordinal DESC
    LIMIT 1
), 0) AS on_hand
FROM unnest($1::bigint[], $2::integer[], $3::bigint[]) AS key (sku_id, location_id, revision)

-- name: read_lot_moved_since
-- What on_hand of lots has changed by after revisions: movements carry the balances of the level, not those of the lot.
-- $1, $2, $3 sku_id, location_id and lot_id; $4 revisions.
SELECT key.sku_id, key.location_id, key.lot_id, key.revision, coalesce((
    SELECT sum(on_hand_delta) FROM movement
    WHERE sku_id = key.sku_id AND location_id = key.location_id AND revision > key.revision AND lot_id = key.lot_id
), 0)::bigint AS moved
FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::bigint[]) AS key (sku_id, location_id, lot_id, revision)

-- name: read_counting_head
-- The last revision, read when all levels are locked: none of them has moved since.
SELECT revision FROM feed_head

-- name: write_counts
-- New and changed stock counts. $1 rows.
INSERT INTO stock_count (count_id, channel_id, location_id, category, state, version, lines, reference, reason,
    opened_at, ended_at)
SELECT new.* FROM unnest($1::stock_count_row[]) AS new
ON CONFLICT (count_id) DO UPDATE SET state = excluded.state, version = excluded.version, lines = excluded.lines,
    ended_at = excluded.ended_at

-- name: write_count_lines
-- New and replaced lines of stock counts, after the counts. $1 rows.
INSERT INTO stock_count_line (count_id, sku_id, lot_id, counted, on_hand, at_revision)
SELECT new.* FROM unnest($1::stock_count_line_row[]) AS new
ON CONFLICT (count_id, sku_id, lot_id) DO UPDATE SET counted = excluded.counted, on_hand = excluded.on_hand,
    at_revision = excluded.at_revision

-- name: list_stock_counts
-- A page of stock counts, newest first. $1 the last page's last id or null; $2 state, $3 location code, each null for
-- all; $4 how many; $5, $6 the reader's places and categories, as in read_counts.
SELECT found.count_id, found.channel_id, channel.code AS channel, found.location_id, location.code AS location,
    found.category, found.state, found.version, found.lines, found.reference, found.reason, found.opened_at,
    found.ended_at
FROM (
    SELECT * FROM stock_count
    WHERE ($1::uuid IS NULL OR count_id < $1::uuid) AND ($2::smallint IS NULL OR state = $2::smallint)
        AND ($3::text IS NULL OR location_id = (SELECT location_id FROM location WHERE code = $3::text))
        AND ($5::integer[] IS NULL OR location_id = ANY ($5::integer[]))
        AND ($6::text[] IS NULL OR (category || '/') ^@ ANY ($6::text[]))
    ORDER BY count_id DESC
    LIMIT $4
) AS found
JOIN location ON location.location_id = found.location_id
JOIN channel ON channel.channel_id = found.channel_id
ORDER BY found.count_id DESC

-- name: list_stock_count_lines
-- A page of a stock count's lines by SKU code and lot. $1 id; $2, $3 the last page's last codes; $4 only those that
-- differ; $5 how many; $6 the reader's categories, as in read_stock.
SELECT sku.code AS sku, coalesce(lot.code, '') AS lot, line.sku_id, line.lot_id, line.counted, line.on_hand,
    line.at_revision
FROM stock_count_line AS line
CROSS JOIN LATERAL (SELECT code, category FROM sku WHERE sku_id = line.sku_id OFFSET 0) AS sku
LEFT JOIN LATERAL (SELECT code FROM lot WHERE lot_id = line.lot_id OFFSET 0) AS lot ON true
WHERE line.count_id = $1 AND ($6::text[] IS NULL OR (sku.category || '/') ^@ ANY ($6::text[])) AND (NOT $4::boolean OR line.counted <> line.on_hand)
    AND (sku.code, coalesce(lot.code, '')) > ($2::text, $3::text)
ORDER BY sku.code, coalesce(lot.code, '')
LIMIT $5

-- name: verify_counts
-- A stock count has as many lines as it says; what a line remembers of on_hand is what the ledger says of that revision;
-- and what a posted line differed stands in the ledger, of the moment of posting. $1 rows.
WITH remembered AS (
    SELECT line.*, stock_count.location_id, CASE WHEN line.lot_id = 0 THEN coalesce((
        SELECT on_hand_after FROM movement
        WHERE sku_id = line.sku_id AND location_id = stock_count.location_id AND revision <= line.at_revision
        ORDER BY revision DESC, ordinal DESC
        LIMIT 1
    ), 0) ELSE coalesce((
        SELECT sum(on_hand_delta) FROM movement
        WHERE sku_id = line.sku_id AND location_id = stock_count.location_id AND revision <= line.at_revision
            AND lot_id = line.lot_id
    ), 0) END AS on_hand_then
    FROM stock_count_line AS line
    JOIN stock_count USING (count_id)
), wrong AS (
    SELECT count_id, 'lines' AS what, NULL::bigint AS sku_id, NULL::integer AS location_id, stock_count.lines::bigint AS says,
        line.lines AS is
    FROM stock_count
    LEFT JOIN (
        SELECT count_id, count(*) AS lines FROM stock_count_line GROUP BY count_id
    ) AS line USING (count_id)
    WHERE stock_count.lines <> coalesce(line.lines, 0)
    UNION ALL
    SELECT count_id, 'on_hand', sku_id, location_id, on_hand, on_hand_then FROM remembered WHERE on_hand <> on_hand_then
    UNION ALL
    SELECT count_id, 'posted', line.sku_id, stock_count.location_id, line.counted - line.on_hand, NULL
    FROM stock_count
    JOIN stock_count_line AS line USING (count_id)
    WHERE stock_count.state = 2 AND line.counted <> line.on_hand AND NOT EXISTS (
        SELECT FROM movement
        WHERE sku_id = line.sku_id AND location_id = stock_count.location_id AND kind = 2
            AND recorded_at = stock_count.ended_at AND on_hand_delta = line.counted - line.on_hand
            AND coalesce(lot_id, 0) = line.lot_id
    )
)
SELECT count(*) OVER () AS broken, wrong.count_id, wrong.what, sku.code AS sku, location.code AS location, wrong.says,
    wrong.is
FROM wrong
LEFT JOIN sku USING (sku_id)
LEFT JOIN location USING (location_id)
ORDER BY wrong.count_id, wrong.what, wrong.sku_id
LIMIT $1
