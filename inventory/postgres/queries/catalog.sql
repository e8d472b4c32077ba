-- name: lock_skus
-- Locks the SKUs a catalogue command names, in the one order: by code. NO KEY, so that the foreign keys of new levels
-- don't wait for it. $1 codes.
SELECT code, name, category, unit, unit_digits, barcodes, active, attributes
FROM sku WHERE code = ANY ($1::text[]) ORDER BY code FOR NO KEY UPDATE

-- name: lock_locations
-- Locks the locations a catalogue command names, in the one order: by code, after the SKUs. $1 codes.
SELECT code, name, kind, active FROM location WHERE code = ANY ($1::text[]) ORDER BY code FOR NO KEY UPDATE

-- name: read_barcode_owners
-- Whom these barcodes belong to. The primary key of barcode proves it at the write. $1 barcodes.
SELECT barcode.barcode, sku.code FROM barcode JOIN sku ON sku.sku_id = barcode.sku_id
WHERE barcode.barcode = ANY ($1::text[])

-- name: read_clock
-- The database's clock.
SELECT clock_timestamp()

-- name: draw_revisions
-- Draws revisions from the feed's head, whose lock is held until COMMIT, and rings the bell. $1 how many, $2 the
-- NOTIFY channel. Gives the revision before the first.
WITH head AS (
    UPDATE feed_head SET revision = revision + $1::integer RETURNING revision - $1::integer AS base
)
SELECT base, pg_notify($2, (base + $1::integer)::text) FROM head

-- name: write_skus
-- Makes and replaces SKUs, and writes each one's version. One that another replica made since the look fails as a
-- duplicate: it must be looked at. $1 revision, $2 channel, $3 time, $4 new SKUs, $5 locked ones.
WITH made AS (
    INSERT INTO sku (code, name, category, unit, unit_digits, barcodes, active, attributes, revision)
    SELECT new.code, new.name, new.category, new.unit, new.unit_digits, new.barcodes, new.active,
        new.attributes::jsonb, $1
    FROM unnest($4::sku_row[]) AS new
    ORDER BY new.code
    RETURNING sku_id, name, category, unit, unit_digits, barcodes, active, attributes
), replaced AS (
    UPDATE sku SET name = new.name, category = new.category, barcodes = new.barcodes, active = new.active,
        attributes = new.attributes::jsonb, revision = $1
    FROM unnest($5::sku_row[]) AS new
    WHERE sku.code = new.code
    RETURNING sku.sku_id, sku.name, sku.category, sku.unit, sku.unit_digits, sku.barcodes, sku.active, sku.attributes
), written AS (
    SELECT * FROM made UNION ALL SELECT * FROM replaced
)
INSERT INTO sku_version
SELECT $1::bigint, sku_id, name, category, unit, unit_digits, barcodes, active, attributes, $2::integer,
    $3::timestamptz
FROM written

-- name: drop_barcodes
-- Takes all barcodes from SKUs that get theirs anew. $1 SKU codes.
DELETE FROM barcode USING sku WHERE sku.sku_id = barcode.sku_id AND sku.code = ANY ($1::text[])

-- name: write_barcodes
-- Gives barcodes to SKUs. $1 SKU codes with a barcode each.
INSERT INTO barcode (barcode, sku_id)
SELECT new.barcode, sku.sku_id FROM unnest($1::barcode_row[]) AS new
JOIN sku ON sku.code = new.code
ORDER BY new.barcode

-- name: write_locations
-- Makes and replaces locations, as write_skus does. $1 revision, $2 channel, $3 time, $4 new locations, $5 locked
-- ones.
WITH made AS (
    INSERT INTO location (code, name, kind, active, revision)
    SELECT new.code, new.name, new.kind, new.active, $1
    FROM unnest($4::location_row[]) AS new
    ORDER BY new.code
    RETURNING location_id, name, kind, active
), replaced AS (
    UPDATE location SET name = new.name, kind = new.kind, active = new.active, revision = $1
    FROM unnest($5::location_row[]) AS new
    WHERE location.code = new.code
    RETURNING location.location_id, location.name, location.kind, location.active
), written AS (
    SELECT * FROM made UNION ALL SELECT * FROM replaced
)
INSERT INTO location_version
SELECT $1::bigint, location_id, name, kind, active, $2::integer, $3::timestamptz FROM written

-- name: write_requests
-- Remembers answers. $1 the revision before the first, $2 time, $3 answers.
INSERT INTO request (channel_id, request_id, fingerprint, code, answer, revision, recorded_at)
SELECT new.channel_id, new.request_id, new.fingerprint, new.code, new.answer, $1::bigint + new.step, $2::timestamptz
FROM unnest($3::request_row[]) AS new
