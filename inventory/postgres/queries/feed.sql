-- name: read_page_end
-- How far the next page of changes reaches: the head, or the last revision that fits into the number of rows; at
-- least one revision. And which kinds beside stock have changes after the cursor. $1 the cursor, $2 rows a page.
SELECT feed_head.epoch, feed_head.revision AS head,
    least(feed_head.revision, greatest($1 + 1, least(
        (SELECT revision FROM movement WHERE revision > $1 ORDER BY revision, ordinal OFFSET $2 LIMIT 1),
        (SELECT revision FROM sku_version WHERE revision > $1 ORDER BY revision, sku_id OFFSET $2 LIMIT 1),
        (SELECT revision FROM location_version WHERE revision > $1 ORDER BY revision, location_id OFFSET $2 LIMIT 1),
        (SELECT revision FROM subscriber_version WHERE revision > $1 ORDER BY revision OFFSET $2 LIMIT 1),
        (SELECT revision FROM channel_version WHERE revision > $1 ORDER BY revision, channel_id OFFSET $2 LIMIT 1),
        (SELECT revision FROM alarm_version WHERE revision > $1 ORDER BY revision, alarm_id OFFSET $2 LIMIT 1),
        feed_head.revision + 1
    ) - 1)) AS page_end,
    coalesce((SELECT max(revision) FROM sku_version) > $1, false) AS skus_changed,
    coalesce((SELECT max(revision) FROM location_version) > $1, false) AS locations_changed,
    coalesce((SELECT max(revision) FROM subscriber_version) > $1, false) AS subscribers_changed,
    coalesce((SELECT max(revision) FROM channel_version) > $1, false) AS channels_changed,
    coalesce((SELECT max(revision) FROM alarm_version) > $1, false) AS alarms_changed
FROM feed_head

-- name: read_movements
-- The ledger after one revision up to and with another, in order, each row with its SKU's category then. $1, $2 the
-- revisions. OFFSET 0 keeps each look-up a look-up by key, also before the tables have statistics.
SELECT movement.revision, movement.ordinal, movement.kind, movement.on_hand_delta, movement.held_delta,
    movement.allocated_delta, movement.quality_control_delta, movement.damaged_delta, movement.quarantined_delta,
    movement.backordered_delta, movement.in_transit_delta, movement.incoming_delta, movement.on_hand_after, movement.held_after,
    movement.allocated_after, movement.quality_control_after, movement.damaged_after, movement.quarantined_after,
    movement.backordered_after, movement.in_transit_after, movement.incoming_after, movement.reservation_id, movement.reason,
    movement.reference, movement.recorded_at, (SELECT code FROM lot WHERE lot_id = movement.lot_id) AS lot, sku.code AS sku, location.code AS location, channel.code AS channel,
    CASE WHEN sku.revision <= movement.revision THEN sku.category ELSE (
        SELECT version.category FROM sku_version AS version
        WHERE version.sku_id = movement.sku_id AND version.revision <= movement.revision
        ORDER BY version.revision DESC LIMIT 1
    ) END AS category
FROM movement
CROSS JOIN LATERAL (SELECT code, category, revision FROM sku WHERE sku_id = movement.sku_id OFFSET 0) AS sku
CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = movement.location_id OFFSET 0) AS location
CROSS JOIN LATERAL (SELECT code FROM channel WHERE channel_id = movement.channel_id OFFSET 0) AS channel
WHERE movement.revision > $1 AND movement.revision <= $2
ORDER BY movement.revision, movement.ordinal

-- name: read_latest
-- The newest ledger row of each level after one revision up to and with another. $1, $2 the revisions; $3, $4 SKU and
-- location codes or null; $5 categories or null; $6 what the categories that the reader may know begin with, each with
-- a slash at its end, or null.
SELECT newest.revision, newest.ordinal, newest.kind, newest.on_hand_delta, newest.held_delta,
    newest.allocated_delta, newest.quality_control_delta, newest.damaged_delta, newest.quarantined_delta,
    newest.backordered_delta, newest.in_transit_delta, newest.incoming_delta, newest.on_hand_after, newest.held_after,
    newest.allocated_after, newest.quality_control_after, newest.damaged_after, newest.quarantined_after,
    newest.backordered_after, newest.in_transit_after, newest.incoming_after, newest.reservation_id, newest.reason,
    newest.reference, newest.recorded_at, (SELECT code FROM lot WHERE lot_id = newest.lot_id) AS lot, sku.code AS sku, location.code AS location, channel.code AS channel,
    sku.category
FROM (
    SELECT DISTINCT ON (sku_id, location_id) * FROM movement
    WHERE revision > $1 AND revision <= $2
    ORDER BY sku_id, location_id, revision DESC, ordinal DESC
) AS newest
CROSS JOIN LATERAL (
    SELECT code, CASE WHEN sku.revision <= newest.revision THEN sku.category ELSE (
        SELECT version.category FROM sku_version AS version
        WHERE version.sku_id = newest.sku_id AND version.revision <= newest.revision
        ORDER BY version.revision DESC LIMIT 1
    ) END AS category
    FROM sku WHERE sku_id = newest.sku_id OFFSET 0
) AS sku
CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = newest.location_id OFFSET 0) AS location
CROSS JOIN LATERAL (SELECT code FROM channel WHERE channel_id = newest.channel_id OFFSET 0) AS channel
WHERE ($3::text[] IS NULL OR sku.code = ANY ($3::text[]))
    AND ($4::text[] IS NULL OR location.code = ANY ($4::text[]))
    AND ($5::text[] IS NULL OR sku.category = ANY ($5::text[]))
    AND ($6::text[] IS NULL OR (sku.category || '/') ^@ ANY ($6::text[]))

-- name: read_newest_of_skus
-- Of each level of some SKUs the newest ledger row up to a revision. $1 SKU codes, $2 the revision.
SELECT newest.revision, newest.ordinal, newest.kind, newest.on_hand_delta, newest.held_delta,
    newest.allocated_delta, newest.quality_control_delta, newest.damaged_delta, newest.quarantined_delta,
    newest.backordered_delta, newest.in_transit_delta, newest.incoming_delta, newest.on_hand_after, newest.held_after,
    newest.allocated_after, newest.quality_control_after, newest.damaged_after, newest.quarantined_after,
    newest.backordered_after, newest.in_transit_after, newest.incoming_after, newest.reservation_id, newest.reason,
    newest.reference, newest.recorded_at, (SELECT code FROM lot WHERE lot_id = newest.lot_id) AS lot, sku.code AS sku, location.code AS location, channel.code AS channel,
    '' AS category
FROM sku
CROSS JOIN LATERAL (SELECT location_id FROM level WHERE level.sku_id = sku.sku_id OFFSET 0) AS level
CROSS JOIN LATERAL (
    SELECT * FROM movement
    WHERE movement.sku_id = sku.sku_id AND movement.location_id = level.location_id AND movement.revision <= $2
    ORDER BY movement.revision DESC, movement.ordinal DESC LIMIT 1
) AS newest
CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = newest.location_id OFFSET 0) AS location
CROSS JOIN LATERAL (SELECT code FROM channel WHERE channel_id = newest.channel_id OFFSET 0) AS channel
WHERE sku.code = ANY ($1::text[])
ORDER BY sku.code, location.code

-- name: read_sku_versions
-- SKUs as they were after each revision in a range, and their categories before. $1, $2 the revisions.
SELECT version.revision, version.recorded_at, sku.code, version.name, version.category, version.unit,
    version.unit_digits, version.barcodes, version.active, version.attributes,
    version.kind, version.tracking, version.oversell_limit, version.preorder_until, version.preorder_limit,
    version.from_several_places, version.units, version.components, (
        SELECT before.category FROM sku_version AS before
        WHERE before.sku_id = version.sku_id AND before.revision < version.revision
        ORDER BY before.revision DESC LIMIT 1
    ) AS category_before
FROM sku_version AS version JOIN sku ON sku.sku_id = version.sku_id
WHERE version.revision > $1 AND version.revision <= $2
ORDER BY version.revision, version.sku_id

-- name: read_location_versions
-- Locations as they were after each revision in a range. $1, $2 the revisions.
SELECT version.revision, version.recorded_at, location.code, version.name, version.kind, version.active,
    version.address, version.latitude, version.longitude, version.priority, version.handling, version.cutoff_minute,
    version.working_days, version.closed_on, version.time_zone, version.uses, version.transit_days
FROM location_version AS version JOIN location ON location.location_id = version.location_id
WHERE version.revision > $1 AND version.revision <= $2
ORDER BY version.revision, version.location_id

-- name: read_subscriber_versions
-- Subscribers as they were when their state changed, in a range of revisions. $1, $2 the revisions.
SELECT version.revision, version.recorded_at, channel.code AS channel, version.name, version.acknowledged,
    version.acknowledged_at, version.registered_at, version.deadline, version.lag_changes_max, version.lag_max,
    version.state, version.lag_changes, version.lag, (SELECT epoch FROM feed_head) AS epoch
FROM subscriber_version AS version JOIN channel ON channel.channel_id = version.channel_id
WHERE version.revision > $1 AND version.revision <= $2
ORDER BY version.revision

-- name: read_channel_versions
-- Channels as they were after each revision in a range that changed their settings, or SKUs' views in them. $1, $2 the
-- revisions.
SELECT version.revision, version.recorded_at, channel.code, version.name, version.kind, version.buffer, version.cap,
    version.share_bp, version.oversell_limit, version.min_life_days, version.silent_after,
    version.stop_selling_when_silent, version.selling_stopped, location_codes(version.location_ids) AS locations
FROM channel_version AS version JOIN channel ON channel.channel_id = version.channel_id
WHERE version.revision > $1 AND version.revision <= $2
ORDER BY version.revision, version.channel_id

-- name: read_snapshot
-- A page of levels as they were at a revision, by sku_id, then location_id. A level that has changed since is taken
-- from the ledger, which carries the balances: so a snapshot of any size is of one revision without a transaction
-- that lasts as long as the reading. ARRAY, because a sub-select behind OR would be no reason to use an index. $1 the revision; $2, $3 the last page's last ids; $4, $5 SKU and location codes
-- or null; $6 categories or null; $7 how many; $8 as $6 of read_latest.
SELECT sku.code AS sku, location.code AS location, level.sku_id, level.location_id,
    coalesce(past.on_hand_after, level.on_hand) AS on_hand, coalesce(past.held_after, level.held) AS held,
    coalesce(past.allocated_after, level.allocated) AS allocated,
    coalesce(past.quality_control_after, level.quality_control) AS quality_control,
    coalesce(past.damaged_after, level.damaged) AS damaged,
    coalesce(past.quarantined_after, level.quarantined) AS quarantined,
    coalesce(past.backordered_after, level.backordered) AS backordered,
    coalesce(past.in_transit_after, level.in_transit) AS in_transit,
    coalesce(past.incoming_after, level.incoming) AS incoming,
    level.safety_stock, level.reorder_point, level.backorder_limit,
    coalesce(past.revision, level.revision) AS revision, NULL::bigint AS due_held,
    NULL::bigint AS due_backordered
FROM level
CROSS JOIN LATERAL (SELECT code, category, revision FROM sku WHERE sku_id = level.sku_id OFFSET 0) AS sku
CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = level.location_id OFFSET 0) AS location
LEFT JOIN LATERAL (
    SELECT movement.* FROM movement
    WHERE movement.sku_id = level.sku_id AND movement.location_id = level.location_id
        AND movement.revision <= $1
    ORDER BY movement.revision DESC, movement.ordinal DESC
    LIMIT 1
) AS past ON level.revision > $1
WHERE (level.sku_id, level.location_id) > ($2::bigint, $3::integer) AND level.revision > 0
    AND (level.revision <= $1 OR past.revision IS NOT NULL)
    AND ($4::text[] IS NULL OR level.sku_id = ANY (ARRAY(SELECT sku_id FROM sku WHERE code = ANY ($4::text[]))))
    AND ($5::text[] IS NULL OR level.location_id = ANY (
        SELECT location_id FROM location WHERE code = ANY ($5::text[])
    ))
    AND ($6::text[] IS NULL OR level.sku_id = ANY (ARRAY(
        SELECT sku_id FROM sku_version WHERE category = ANY ($6::text[])
    )))
    AND ($6::text[] IS NULL OR CASE WHEN sku.revision <= $1 THEN sku.category ELSE (
        SELECT version.category FROM sku_version AS version
        WHERE version.sku_id = level.sku_id AND version.revision <= $1 ORDER BY version.revision DESC LIMIT 1
    ) END = ANY ($6::text[]))
    AND ($8::text[] IS NULL OR (CASE WHEN sku.revision <= $1 THEN sku.category ELSE (
        SELECT version.category FROM sku_version AS version
        WHERE version.sku_id = level.sku_id AND version.revision <= $1 ORDER BY version.revision DESC LIMIT 1
    ) END || '/') ^@ ANY ($8::text[]))
ORDER BY level.sku_id, level.location_id
LIMIT $7

-- name: read_sku_snapshot
-- A page of SKUs as they were at a revision, by sku_id. $1 the revision; $2 the last page's last id; $3 codes or null;
-- $4 categories or null; $5 how many; $6 as that of read_latest.
SELECT sku.sku_id, sku.code, version.name, version.category, version.unit, version.unit_digits, version.barcodes,
    version.active, version.attributes, version.kind, version.tracking, version.oversell_limit,
    version.preorder_until, version.preorder_limit, version.from_several_places, version.units, version.components
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
    AND ($6::text[] IS NULL OR (version.category || '/') ^@ ANY ($6::text[]))
ORDER BY sku.sku_id
LIMIT $5

-- name: read_location_snapshot
-- A page of locations as they were at a revision, by location_id. $1 the revision; $2 the last page's last id; $3 codes
-- or null; $4 how many.
SELECT location.location_id, location.code, version.name, version.kind, version.active,
    version.address, version.latitude, version.longitude, version.priority, version.handling, version.cutoff_minute,
    version.working_days, version.closed_on, version.time_zone, version.uses, version.transit_days
FROM location
CROSS JOIN LATERAL (
    SELECT * FROM location_version
    WHERE location_version.location_id = location.location_id AND location_version.revision <= $1
    ORDER BY location_version.revision DESC LIMIT 1
) AS version
WHERE location.location_id > $2 AND ($3::text[] IS NULL OR location.code = ANY ($3::text[]))
ORDER BY location.location_id
LIMIT $4

-- name: read_channel_snapshot
-- A page of channels that had settings at a revision, as they were, by channel_id. $1 the revision; $2 the last page's
-- last id; $3 how many; $4 the only channel that the reader may know, by code, $5 the locations that it may know, by code,
-- each null for all.
SELECT channel.channel_id, channel.code, version.name, version.kind, version.buffer, version.cap, version.share_bp,
    version.oversell_limit, version.min_life_days, version.silent_after, version.stop_selling_when_silent,
    version.selling_stopped, CASE WHEN $5::text[] IS NULL THEN location_codes(version.location_ids)
    ELSE ARRAY(
        SELECT named.code FROM unnest(location_codes(version.location_ids)) WITH ORDINALITY AS named (code, place)
        WHERE named.code = ANY ($5::text[]) ORDER BY named.place
    ) END AS locations
FROM channel
CROSS JOIN LATERAL (
    SELECT * FROM channel_version
    WHERE channel_version.channel_id = channel.channel_id AND channel_version.revision <= $1
    ORDER BY channel_version.revision DESC LIMIT 1
) AS version
WHERE channel.channel_id > $2 AND channel.revision > 0 AND ($4::text IS NULL OR channel.code = $4::text)
ORDER BY channel.channel_id
LIMIT $3

-- name: ring
-- Rings the bell of every replica with a text of the feed's own. $1 the NOTIFY channel, $2 the text.
SELECT pg_notify($1, $2)

-- name: read_recorded_at
-- When a revision was decided; no row when it never was. $1 the revision.
SELECT least(
    (SELECT recorded_at FROM movement WHERE revision = $1 LIMIT 1),
    (SELECT recorded_at FROM sku_version WHERE revision = $1 LIMIT 1),
    (SELECT recorded_at FROM location_version WHERE revision = $1 LIMIT 1),
    (SELECT recorded_at FROM subscriber_version WHERE revision = $1 LIMIT 1),
    (SELECT recorded_at FROM channel_version WHERE revision = $1 LIMIT 1),
    (SELECT recorded_at FROM alarm_version WHERE revision = $1 LIMIT 1)
) AS recorded_at, now() AS now

-- name: lock_head
-- Keeps writers, and subscribers who register, away from the feed's head until the end of the transaction.
SELECT revision, compacted FROM feed_head FOR UPDATE

-- name: compact
-- Moves the oldest cursor the feed can be resumed from, never back and never past a subscriber within its deadline. The
-- head is locked: no subscriber can register meanwhile. $1 the revision it is to be moved to at most.
UPDATE feed_head SET compacted = greatest(compacted, least($1::bigint, revision, (
    SELECT min(acknowledged) FROM subscriber WHERE acknowledged_at + deadline >= now()
)))
RETURNING compacted
