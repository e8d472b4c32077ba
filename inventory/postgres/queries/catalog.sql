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
-- Makes or replaces SKUs, and writes each one's version. $1 revision, $2 channel, $3 time; columns.
WITH written AS (
    INSERT INTO sku (code, name, category, unit, unit_digits, barcodes, active, attributes, revision)
    SELECT new.code, new.name, new.category, new.unit, new.unit_digits,
        ARRAY(SELECT jsonb_array_elements_text(new.barcodes::jsonb)), new.active, new.attributes::jsonb, $1
    FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::smallint[], $9::text[], $10::boolean[],
        $11::text[]) AS new (code, name, category, unit, unit_digits, barcodes, active, attributes)
    ORDER BY new.code
    ON CONFLICT (code) DO UPDATE SET name = excluded.name, category = excluded.category,
        barcodes = excluded.barcodes, active = excluded.active, attributes = excluded.attributes,
        revision = excluded.revision
    RETURNING sku_id, name, category, unit, unit_digits, barcodes, active, attributes
)
INSERT INTO sku_version
SELECT $1::bigint, sku_id, name, category, unit, unit_digits, barcodes, active, attributes, $2::integer,
    $3::timestamptz
FROM written

-- name: drop_barcodes
-- Takes all barcodes from SKUs that get theirs anew. $1 SKU codes.
DELETE FROM barcode USING sku WHERE sku.sku_id = barcode.sku_id AND sku.code = ANY ($1::text[])

-- name: write_barcodes
-- Gives barcodes to SKUs. $1 SKU codes, $2 barcodes.
INSERT INTO barcode (barcode, sku_id)
SELECT new.barcode, sku.sku_id FROM unnest($1::text[], $2::text[]) AS new (code, barcode)
JOIN sku ON sku.code = new.code
ORDER BY new.barcode

-- name: write_locations
-- Makes or replaces locations, and writes each one's version. $1 revision, $2 channel, $3 time; columns.
WITH written AS (
    INSERT INTO location (code, name, kind, active, revision)
    SELECT new.code, new.name, new.kind, new.active, $1
    FROM unnest($4::text[], $5::text[], $6::smallint[], $7::boolean[]) AS new (code, name, kind, active)
    ORDER BY new.code
    ON CONFLICT (code) DO UPDATE SET name = excluded.name, kind = excluded.kind, active = excluded.active,
        revision = excluded.revision
    RETURNING location_id, name, kind, active
)
INSERT INTO location_version
SELECT $1::bigint, location_id, name, kind, active, $2::integer, $3::timestamptz FROM written

-- name: write_requests
-- Remembers answers. $1 the revision before the first, $2 time; columns.
INSERT INTO request
SELECT new.channel_id, new.request_id, new.fingerprint, new.code, new.answer, $1::bigint + new.step, $2::timestamptz
FROM unnest($3::integer[], $4::uuid[], $5::bytea[], $6::smallint[], $7::bytea[], $8::integer[])
    AS new (channel_id, request_id, fingerprint, code, answer, step)
