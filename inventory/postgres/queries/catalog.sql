-- name: lock_skus
-- Locks the SKUs a catalogue command names, what its bundles are to be made of and the bundles these are in, in the one
-- order: by code. NO KEY, so that the foreign keys of new levels don't wait for it. $1 codes.
SELECT code, name, category, unit, unit_digits, barcodes, active, attributes, kind, tracking, oversell_limit,
    preorder_until, preorder_limit, from_several_places, units, components
FROM sku WHERE code = ANY ($1::text[]) ORDER BY code FOR NO KEY UPDATE

-- name: lock_locations
-- Locks the locations a catalogue command names, in the one order: by code, after the SKUs. $1 codes.
SELECT code, name, kind, active, address, latitude, longitude, priority, handling, cutoff_minute,
    working_days, closed_on, time_zone, uses, transit_days, location_id
FROM location WHERE code = ANY ($1::text[]) ORDER BY code FOR NO KEY UPDATE

-- name: read_bundles_above
-- The bundles that contain one of these, and what they are made of. $1 codes.
SELECT DISTINCT bundle.code, bundle.components
FROM unnest($1::text[]) AS wanted (code)
CROSS JOIN LATERAL (SELECT sku_id FROM sku WHERE code = wanted.code OFFSET 0) AS part
CROSS JOIN LATERAL (SELECT bundle_sku_id FROM bundle_component WHERE sku_id = part.sku_id OFFSET 0) AS inside
CROSS JOIN LATERAL (SELECT code, components FROM sku WHERE sku_id = inside.bundle_sku_id OFFSET 0) AS bundle

-- name: read_components
-- What SKUs are made of. $1 codes.
SELECT sku.code, sku.components
FROM unnest($1::text[]) AS wanted (code)
CROSS JOIN LATERAL (SELECT code, components FROM sku WHERE code = wanted.code OFFSET 0) AS sku

-- name: read_moved_skus
-- Those of SKUs of which a level has ever moved. $1 codes.
SELECT sku.code
FROM unnest($1::text[]) AS wanted (code)
CROSS JOIN LATERAL (SELECT sku_id, code FROM sku WHERE code = wanted.code OFFSET 0) AS sku
WHERE EXISTS (SELECT FROM level WHERE sku_id = sku.sku_id AND revision > 0)

-- name: read_units
-- The units of SKUs. $1 codes; $2 what categories with a slash at their end begin with, null for all.
SELECT sku.code, sku.unit, sku.unit_digits, sku.units
FROM unnest($1::text[]) AS wanted (code)
CROSS JOIN LATERAL (SELECT code, category, unit, unit_digits, units FROM sku WHERE code = wanted.code OFFSET 0) AS sku
WHERE $2::text[] IS NULL OR (sku.category || '/') ^@ ANY ($2::text[])

-- name: read_barcode_owners
-- Whom these barcodes belong to. The primary key of barcode proves it at the write. $1 barcodes.
SELECT barcode.barcode, sku.code, sku.category FROM barcode JOIN sku ON sku.sku_id = barcode.sku_id
WHERE barcode.barcode = ANY ($1::text[])

-- name: read_clock
-- The database's clock.
SELECT clock_timestamp()

-- name: draw_revisions
-- Draws revisions from the feed's head, whose lock is held until COMMIT, and rings the bell. $1 how many, $2 the
-- NOTIFY channel, $3 whether places, channels or
-- what known SKUs are change: whoever decided by what was before looks again. Gives the revision before the first.
WITH head AS (
    UPDATE feed_head SET revision = revision + $1::integer,
        topology = CASE WHEN $3::boolean THEN revision + $1::integer ELSE topology END
    RETURNING revision - $1::integer AS base
)
SELECT base, pg_notify($2, (base + $1::integer)::text) FROM head

-- name: write_skus
-- Makes and replaces SKUs, and writes each one's version. One that another replica made since the look fails as a
-- duplicate: it must be looked at. $1 revision, $2 channel, $3 time, $4 new SKUs, $5 locked ones.
WITH made AS (
    INSERT INTO sku (code, name, category, unit, unit_digits, barcodes, active, attributes, kind, tracking,
        oversell_limit, preorder_until, preorder_limit, from_several_places, units, components, revision)
    SELECT new.code, new.name, new.category, new.unit, new.unit_digits, new.barcodes, new.active,
        new.attributes::jsonb, new.kind, new.tracking, new.oversell_limit, new.preorder_until, new.preorder_limit,
        new.from_several_places, new.units::jsonb, new.components::jsonb, $1
    FROM unnest($4::sku_row[]) AS new
    ORDER BY new.code
    RETURNING sku_id, name, category, unit, unit_digits, barcodes, active, attributes, kind, tracking, oversell_limit,
        preorder_until, preorder_limit, from_several_places, units, components
), replaced AS (
    UPDATE sku SET name = new.name, category = new.category, barcodes = new.barcodes, active = new.active,
        attributes = new.attributes::jsonb, kind = new.kind, tracking = new.tracking,
        oversell_limit = new.oversell_limit, preorder_until = new.preorder_until, preorder_limit = new.preorder_limit,
        from_several_places = new.from_several_places, units = new.units::jsonb, components = new.components::jsonb,
        revision = $1
    FROM unnest($5::sku_row[]) AS new
    WHERE sku.code = new.code
    RETURNING sku.sku_id, sku.name, sku.category, sku.unit, sku.unit_digits, sku.barcodes, sku.active, sku.attributes,
        sku.kind, sku.tracking, sku.oversell_limit, sku.preorder_until, sku.preorder_limit, sku.from_several_places,
        sku.units, sku.components
), written AS (
    SELECT * FROM made UNION ALL SELECT * FROM replaced
)
INSERT INTO sku_version (revision, sku_id, name, category, unit, unit_digits, barcodes, active, attributes, channel_id,
    recorded_at, kind, tracking, oversell_limit, preorder_until, preorder_limit, from_several_places, units, components)
SELECT $1::bigint, sku_id, name, category, unit, unit_digits, barcodes, active, attributes, $2::integer,
    $3::timestamptz, kind, tracking, oversell_limit, preorder_until, preorder_limit, from_several_places, units,
    components
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

-- name: drop_components
-- Takes bundles apart that get their components anew. $1 SKU codes.
DELETE FROM bundle_component USING sku
WHERE sku.sku_id = bundle_component.bundle_sku_id AND sku.code = ANY ($1::text[])

-- name: write_components
-- Gives bundles their components. $1, $2 SKU codes of bundle and component, $3 quantities, in the
-- same order.
INSERT INTO bundle_component (bundle_sku_id, sku_id, quantity)
SELECT bundle.sku_id, sku.sku_id, new.quantity
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS new (bundle, sku, quantity)
JOIN sku AS bundle ON bundle.code = new.bundle
JOIN sku ON sku.code = new.sku
ORDER BY bundle.sku_id, sku.sku_id

-- name: write_locations
-- Makes and replaces locations, as write_skus does. $1 revision, $2 channel, $3 time, $4 new locations, $5 locked
-- ones.
WITH made AS (
    INSERT INTO location (code, name, kind, active, address, latitude, longitude, priority, handling, cutoff_minute,
        working_days, closed_on, time_zone, uses, transit_days, revision)
    SELECT new.code, new.name, new.kind, new.active, new.address::jsonb, new.latitude, new.longitude, new.priority,
        new.handling, new.cutoff_minute, new.working_days, new.closed_on, new.time_zone, new.uses, new.transit_days, $1
    FROM unnest($4::location_row[]) AS new
    ORDER BY new.code
    RETURNING location_id, name, kind, active, address, latitude, longitude, priority, handling, cutoff_minute,
        working_days, closed_on, time_zone, uses, transit_days
), replaced AS (
    UPDATE location SET name = new.name, kind = new.kind, active = new.active, address = new.address::jsonb,
        latitude = new.latitude, longitude = new.longitude, priority = new.priority, handling = new.handling,
        cutoff_minute = new.cutoff_minute, working_days = new.working_days, closed_on = new.closed_on,
        time_zone = new.time_zone, uses = new.uses, transit_days = new.transit_days, revision = $1
    FROM unnest($5::location_row[]) AS new
    WHERE location.code = new.code
    RETURNING location.location_id, location.name, location.kind, location.active, location.address, location.latitude,
        location.longitude, location.priority, location.handling, location.cutoff_minute, location.working_days,
        location.closed_on, location.time_zone, location.uses, location.transit_days
), written AS (
    SELECT * FROM made UNION ALL SELECT * FROM replaced
)
INSERT INTO location_version (revision, location_id, name, kind, active, channel_id, recorded_at, address, latitude,
    longitude, priority, handling, cutoff_minute, working_days, closed_on, time_zone, uses, transit_days)
SELECT $1::bigint, location_id, name, kind, active, $2::integer, $3::timestamptz, address, latitude, longitude,
    priority, handling, cutoff_minute, working_days, closed_on, time_zone, uses, transit_days
FROM written

-- name: write_requests
-- Remembers answers. $1 the revision before the first, $2 time, $3 answers.
INSERT INTO request (channel_id, request_id, fingerprint, code, answer, revision, recorded_at)
SELECT new.channel_id, new.request_id, new.fingerprint, new.code, new.answer, $1::bigint + new.step, $2::timestamptz
FROM unnest($3::request_row[]) AS new
