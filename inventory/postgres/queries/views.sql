-- name: read_location_codes
-- The codes of locations. $1 their numbers.
SELECT location_codes($1::integer[])

-- name: read_facts
-- SKUs as they were at a revision, as decisions see them; none that didn't exist then. $1 codes, $2 the revision.
SELECT sku.sku_id, sku.code, version.category, version.active, version.kind, version.tracking, version.oversell_limit,
    version.preorder_until, version.preorder_limit, version.from_several_places, version.components
FROM unnest($1::text[]) AS named (code)
CROSS JOIN LATERAL (SELECT sku_id, code FROM sku WHERE code = named.code OFFSET 0) AS sku
CROSS JOIN LATERAL (
    SELECT * FROM sku_version WHERE sku_version.sku_id = sku.sku_id AND sku_version.revision <= $2
    ORDER BY sku_version.revision DESC LIMIT 1
) AS version

-- name: read_facts_page
-- A page of SKUs as they were at a revision, by sku_id. $1 the revision; $2 the last page's last id; $3 codes or null;
-- $4 categories or null; $5 whether only those that change with the calendar; $6 how many; $7 what the categories that
-- the reader may know begin with, each with a slash at its end, or null.
SELECT sku.sku_id, sku.code, version.category, version.active, version.kind, version.tracking, version.oversell_limit,
    version.preorder_until, version.preorder_limit, version.from_several_places, version.components
FROM sku
CROSS JOIN LATERAL (
    SELECT * FROM sku_version WHERE sku_version.sku_id = sku.sku_id AND sku_version.revision <= $1
    ORDER BY sku_version.revision DESC LIMIT 1
) AS version
WHERE sku.sku_id > $2 AND ($3::text[] IS NULL OR sku.code = ANY ($3::text[]))
    AND ($4::text[] IS NULL OR sku.sku_id = ANY (ARRAY(
        SELECT sku_id FROM sku_version WHERE category = ANY ($4::text[])
    )))
    AND ($4::text[] IS NULL OR version.category = ANY ($4::text[]))
    AND (NOT $5::boolean OR version.tracking = 1 OR version.preorder_until IS NOT NULL)
    AND ($7::text[] IS NULL OR (version.category || '/') ^@ ANY ($7::text[]))
ORDER BY sku.sku_id
LIMIT $6

-- name: read_levels_as_of
-- All levels of SKUs as they were at a revision, from the ledger where they have changed since; the limit of back-orders
-- is the present one. $1 sku_ids, $2 the revision.
SELECT level.sku_id, level.location_id,
    coalesce(past.on_hand_after, level.on_hand) AS on_hand, coalesce(past.held_after, level.held) AS held,
    coalesce(past.allocated_after, level.allocated) AS allocated,
    coalesce(past.quality_control_after, level.quality_control) AS quality_control,
    coalesce(past.damaged_after, level.damaged) AS damaged,
    coalesce(past.quarantined_after, level.quarantined) AS quarantined,
    coalesce(past.backordered_after, level.backordered) AS backordered, level.backorder_limit
FROM unnest($1::bigint[]) AS named (sku_id)
CROSS JOIN LATERAL (SELECT * FROM level WHERE sku_id = named.sku_id OFFSET 0) AS level
LEFT JOIN LATERAL (
    SELECT movement.* FROM movement
    WHERE movement.sku_id = level.sku_id AND movement.location_id = level.location_id AND movement.revision <= $2
    ORDER BY movement.revision DESC, movement.ordinal DESC
    LIMIT 1
) AS past ON level.revision > $2
WHERE level.revision > 0 AND (level.revision <= $2 OR past.revision IS NOT NULL)

-- name: read_lots_as_of
-- Of lots that have, or had, stock at a revision: how much was available of each at each place. A lot's row is the
-- present one, less what has moved since. $1 sku_ids, $2 the revision.
SELECT here.sku_id, here.location_id, lot.code, lot.expires_on,
    here.on_hand - here.held - here.allocated - here.quality_control - here.damaged - here.quarantined
        - coalesce(since.moved, 0) AS available
FROM unnest($1::bigint[]) AS named (sku_id)
CROSS JOIN LATERAL (SELECT location_id, revision FROM level WHERE sku_id = named.sku_id OFFSET 0) AS level
CROSS JOIN LATERAL (
    SELECT * FROM lot_level WHERE sku_id = named.sku_id AND location_id = level.location_id OFFSET 0
) AS here
LEFT JOIN LATERAL (
    SELECT sum(on_hand_delta - held_delta - allocated_delta - quality_control_delta - damaged_delta
        - quarantined_delta)::bigint AS moved
    FROM movement
    WHERE movement.sku_id = here.sku_id AND movement.location_id = here.location_id AND movement.revision > $2
        AND movement.lot_id = here.lot_id
) AS since ON level.revision > $2
CROSS JOIN LATERAL (SELECT code, expires_on FROM lot WHERE lot_id = here.lot_id OFFSET 0) AS lot
WHERE here.on_hand > 0 OR level.revision > $2

-- name: read_expiries
-- Until when lots last. $1, $2 SKU and lot codes, in the same order.
SELECT sku.code AS sku, lot.code, lot.expires_on
FROM unnest($1::text[], $2::text[]) AS named (sku, lot)
CROSS JOIN LATERAL (SELECT sku_id, code FROM sku WHERE code = named.sku OFFSET 0) AS sku
CROSS JOIN LATERAL (SELECT code, expires_on FROM lot WHERE sku_id = sku.sku_id AND code = named.lot OFFSET 0) AS lot

-- name: read_backorder_limits
-- The present limits of back-orders of some SKUs' levels. $1 sku_ids.
SELECT level.sku_id, level.location_id, level.backorder_limit
FROM unnest($1::bigint[]) AS named (sku_id)
CROSS JOIN LATERAL (SELECT * FROM level WHERE sku_id = named.sku_id OFFSET 0) AS level

-- name: read_own_views
-- SKUs' own views in a channel as they were at a revision; all null: the channel's. $1 the channel, $2 sku_ids, $3 the
-- revision.
SELECT named.sku_id, version.buffer, version.cap, version.share_bp, version.oversell_limit
FROM unnest($2::bigint[]) AS named (sku_id)
CROSS JOIN LATERAL (
    SELECT * FROM channel_sku_version
    WHERE channel_id = $1 AND sku_id = named.sku_id AND revision <= $3
    ORDER BY revision DESC LIMIT 1
) AS version

-- name: read_seller
-- A channel's settings as they were at a revision; no row: it had none. $1 the channel, $2 the revision.
SELECT version.channel_id, version.kind, version.location_ids, version.buffer, version.cap, version.share_bp,
    version.oversell_limit, version.min_life_days, version.selling_stopped, EXISTS (
        SELECT FROM channel_sku_version AS own WHERE own.channel_id = version.channel_id AND own.revision <= $2
    ) AS has_overrides
FROM channel_version AS version
WHERE version.channel_id = $1 AND version.revision <= $2
ORDER BY version.revision DESC
LIMIT 1

-- name: read_viewed_skus
-- The SKUs whose own views in a channel one revision changed. $1 the channel, $2 the revision.
SELECT sku.code
FROM channel_sku_version AS own
CROSS JOIN LATERAL (SELECT code FROM sku WHERE sku_id = own.sku_id OFFSET 0) AS sku
WHERE own.revision = $2 AND own.channel_id = $1

-- name: read_sites_as_of
-- All places as they were at a revision, as decisions see them. $1 the revision.
SELECT location.location_id, location.code, version.kind, version.active, version.priority, version.latitude,
    version.longitude, version.handling, version.cutoff_minute, version.working_days, version.closed_on,
    version.time_zone, version.uses, version.transit_days
FROM location
CROSS JOIN LATERAL (
    SELECT * FROM location_version
    WHERE location_version.location_id = location.location_id AND location_version.revision <= $1
    ORDER BY location_version.revision DESC LIMIT 1
) AS version

-- name: read_bundles_as_of
-- All bundles as they were at a revision: those of now, and those that were changed since. $1 the revision.
SELECT sku.code, version.components
FROM (
    SELECT bundle_sku_id AS sku_id FROM bundle_component
    UNION
    SELECT sku_id FROM sku_version WHERE revision > $1
) AS perhaps
CROSS JOIN LATERAL (SELECT code FROM sku WHERE sku_id = perhaps.sku_id OFFSET 0) AS sku
CROSS JOIN LATERAL (
    SELECT kind, components FROM sku_version
    WHERE sku_version.sku_id = perhaps.sku_id AND sku_version.revision <= $1
    ORDER BY revision DESC LIMIT 1
) AS version
WHERE version.kind = 2
