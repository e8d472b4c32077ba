-- name: ensure_lots
-- Makes lots that receipts name for the first time, of SKUs that are tracked by lots; in one order, before every level,
-- so that two replicas receiving the same ones can't wait for each other in a circle. $1 SKU codes, $2 lot codes.
INSERT INTO lot (sku_id, code)
SELECT DISTINCT sku.sku_id, named.lot
FROM unnest($1::text[], $2::text[]) AS named (sku, lot)
CROSS JOIN LATERAL (SELECT sku_id FROM sku WHERE code = named.sku AND tracking = 1 OFFSET 0) AS sku
WHERE NOT EXISTS (SELECT FROM lot WHERE lot.sku_id = sku.sku_id AND lot.code = named.lot)
ORDER BY sku.sku_id, named.lot
ON CONFLICT (sku_id, code) DO NOTHING

-- name: lock_new_lots
-- Locks those of the lots whose last day is not settled: whoever receives one first settles it. $1, $2 as in ensure_lots.
SELECT lot.lot_id
FROM (
    SELECT DISTINCT sku.sku_id, named.lot
    FROM unnest($1::text[], $2::text[]) AS named (sku, lot)
    CROSS JOIN LATERAL (SELECT sku_id FROM sku WHERE code = named.sku OFFSET 0) AS sku
    ORDER BY sku.sku_id, named.lot
) AS wanted
CROSS JOIN LATERAL (
    SELECT lot_id FROM lot
    WHERE lot.sku_id = wanted.sku_id AND lot.code = wanted.lot AND NOT lot.known FOR NO KEY UPDATE
) AS lot

-- name: read_named_lots
-- Lots by code. $1 SKU codes, $2 lot codes.
SELECT named.sku, lot.lot_id, lot.code, lot.expires_on, lot.known
FROM unnest($1::text[], $2::text[]) AS named (sku, lot)
CROSS JOIN LATERAL (SELECT sku_id FROM sku WHERE code = named.sku OFFSET 0) AS sku
CROSS JOIN LATERAL (SELECT * FROM lot WHERE lot.sku_id = sku.sku_id AND lot.code = named.lot OFFSET 0) AS lot

-- name: settle_lots
-- The last days of lots that are received for the first time. $1 lot ids, $2 their last days or nulls.
UPDATE lot SET expires_on = settled.expires_on, known = true
FROM unnest($1::bigint[], $2::date[]) AS settled (lot_id, expires_on)
WHERE lot.lot_id = settled.lot_id

-- name: list_lots
-- What of a SKU is of which lot, first-expiring first. $1 SKU code, $2 location code or null, $3 how many; $4 the numbers of the
-- reader's places, or null.
SELECT lot.code AS lot, lot.expires_on, location.code AS location, of_level.on_hand, of_level.held, of_level.allocated,
    of_level.quality_control, of_level.damaged, of_level.quarantined, coalesce(due.held, 0) AS due
FROM lot_level AS of_level
CROSS JOIN LATERAL (SELECT * FROM lot WHERE lot_id = of_level.lot_id OFFSET 0) AS lot
CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = of_level.location_id OFFSET 0) AS location
LEFT JOIN LATERAL (
    SELECT sum(line.held)::bigint AS held FROM reservation_line AS line
    WHERE line.sku_id = of_level.sku_id AND line.location_id = of_level.location_id AND line.held > 0
        AND line.lot_id = of_level.lot_id AND line.expires_at <= clock_timestamp()
) AS due ON true
WHERE of_level.sku_id = (SELECT sku_id FROM sku WHERE code = $1) AND of_level.on_hand > 0
    AND ($2::text IS NULL OR of_level.location_id = (SELECT location_id FROM location WHERE code = $2::text))
    AND ($4::integer[] IS NULL OR of_level.location_id = ANY ($4::integer[]))
ORDER BY of_level.expires_on NULLS LAST, lot.code, location.code
LIMIT $3

-- name: expired_lots
-- Levels where something of a lot is free whose last day may have passed, longest over first; the place's time zone
-- decides. Ends at the last day that can be over anywhere on earth. $1 how many.
SELECT sku.code AS sku, location.code AS location, location.time_zone, of_level.expires_on, now() AS now
FROM (
    SELECT sku_id, location_id, min(expires_on) AS expires_on
    FROM lot_level
    WHERE expires_on <= (now() AT TIME ZONE 'UTC')::date AND on_hand > 0
        AND on_hand > held + allocated + quality_control + damaged + quarantined
    GROUP BY sku_id, location_id
    ORDER BY min(expires_on)
    LIMIT $1
) AS of_level
CROSS JOIN LATERAL (SELECT code FROM sku WHERE sku_id = of_level.sku_id OFFSET 0) AS sku
CROSS JOIN LATERAL (SELECT code, time_zone FROM location WHERE location_id = of_level.location_id OFFSET 0) AS location

-- name: levels_to_fill
-- Levels that owe goods and have some, by number. $1, $2 the last look's last sku_id and location_id; $3 how many.
SELECT of_level.sku_id, of_level.location_id, sku.code AS sku, location.code AS location, of_level.revision
FROM (
    SELECT sku_id, location_id, revision FROM level
    WHERE backordered > 0 AND on_hand > held + allocated + quality_control + damaged + quarantined
        AND (sku_id, location_id) > ($1::bigint, $2::integer)
    ORDER BY sku_id, location_id
    LIMIT $3
) AS of_level
CROSS JOIN LATERAL (SELECT code FROM sku WHERE sku_id = of_level.sku_id OFFSET 0) AS sku
CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = of_level.location_id OFFSET 0) AS location
