-- name: tell_alarms
-- Opens alarms that aren't open, and closes some, under one revision, whichever replica does it first; the same alarm is
-- opened once. Alarms come before the feed's head, and closed ones before new ones, by kind and subject: one order for
-- all. $1 kinds, $2 subjects, $3 severities, $4 summaries, $5 details, in the same order; $6 the ids of those to close;
-- $7 the NOTIFY channel. One of the kinds $8 stays open when another about the same was closed within $9, unless somebody
-- has acknowledged it: of an open one that comes again nobody would be told. Gives what happened, nothing when nothing did.
WITH closing AS MATERIALIZED (
    SELECT alarm_id FROM alarm
    WHERE alarm_id = ANY ($6::uuid[]) AND closed_at IS NULL AND NOT (
        kind = ANY ($8::smallint[]) AND acknowledged_at IS NULL AND EXISTS (
            SELECT FROM alarm AS earlier
            WHERE earlier.kind = alarm.kind AND earlier.subject = alarm.subject AND earlier.closed_at > now() - $9::interval
        )
    )
    ORDER BY alarm_id FOR UPDATE
), closed AS (
    UPDATE alarm SET closed_at = now() WHERE alarm_id IN (SELECT alarm_id FROM closing)
    RETURNING *
), made AS (
    INSERT INTO alarm (kind, subject, severity, summary, details, opened_at, last_seen_at)
    SELECT new.kind, new.subject::jsonb, new.severity, new.summary, new.details::jsonb, now(), now()
    FROM unnest($1::smallint[], $2::text[], $3::smallint[], $4::text[], $5::text[])
        AS new (kind, subject, severity, summary, details)
    WHERE (SELECT count(*) FROM closed) >= 0
    ORDER BY new.kind, new.subject::jsonb
    ON CONFLICT (kind, subject) WHERE closed_at IS NULL DO NOTHING
    RETURNING *
), moved AS MATERIALIZED (
    SELECT 3 AS event, closed.* FROM closed UNION ALL SELECT 1, made.* FROM made
), head AS (
    UPDATE feed_head SET revision = revision + 1 WHERE EXISTS (SELECT FROM moved) RETURNING revision
), version AS (
    INSERT INTO alarm_version (revision, alarm_id, event, kind, subject, severity, summary, details, opened_at,
        last_seen_at, closed_at, acknowledged_at, acknowledged_by, note, recorded_at)
    SELECT head.revision, moved.alarm_id, moved.event, moved.kind, moved.subject, moved.severity, moved.summary,
        moved.details, moved.opened_at, moved.last_seen_at, moved.closed_at, moved.acknowledged_at,
        moved.acknowledged_by, moved.note, now()
    FROM head, moved
), told AS MATERIALIZED (
    SELECT revision, pg_notify($7, revision::text) FROM head
)
SELECT moved.*, told.revision FROM moved, told

-- name: touch_alarms
-- Says that open alarms are still seen, and what is seen: at once when that is something else than it was, else every
-- few seconds only. $1 ids, $2 summaries, $3 details, in the same order; $4 how long a sight is fresh.
WITH seen AS MATERIALIZED (
    SELECT alarm.alarm_id, new.summary, new.details::jsonb AS details
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS new (alarm_id, summary, details)
    JOIN alarm ON alarm.alarm_id = new.alarm_id
    WHERE alarm.closed_at IS NULL AND (
        alarm.last_seen_at < now() - $4::interval OR alarm.summary <> new.summary OR alarm.details <> new.details::jsonb
    )
    ORDER BY alarm.alarm_id FOR UPDATE OF alarm SKIP LOCKED
)
UPDATE alarm SET last_seen_at = now(), summary = seen.summary, details = seen.details
FROM seen WHERE alarm.alarm_id = seen.alarm_id

-- name: read_open_alarms
-- All open alarms of some kinds, and how long ago each was seen. $1 kinds.
SELECT alarm.*, now() - last_seen_at AS unseen FROM alarm WHERE kind = ANY ($1::smallint[]) AND closed_at IS NULL

-- name: count_open_alarms
-- How many alarms are open, by kind and severity, and how many of them somebody has acknowledged.
SELECT kind, severity, count(*) AS open, count(acknowledged_at) AS acknowledged
FROM alarm WHERE closed_at IS NULL
GROUP BY kind, severity
ORDER BY severity DESC, kind

-- name: list_alarms
-- A page of alarms, newest first. $1, $2 the last page's last time and id, or infinity and the last id there can be; $3
-- whether closed ones too; $4 a kind or null; $5 a channel's code or null; $6 how many.
SELECT alarm.* FROM alarm
WHERE (alarm.opened_at, alarm.alarm_id) < ($1::timestamptz, $2::uuid) AND ($3::boolean OR alarm.closed_at IS NULL)
    AND ($4::smallint IS NULL OR alarm.kind = $4) AND ($5::text IS NULL OR alarm.subject ->> 'channel' = $5)
ORDER BY alarm.opened_at DESC, alarm.alarm_id DESC
LIMIT $6

-- name: lock_alarm
-- Locks an alarm, before the feed's head. $1 its id.
SELECT * FROM alarm WHERE alarm_id = $1 FOR UPDATE

-- name: acknowledge_alarm
-- Says that somebody knows, of a locked alarm, and writes its version. $1 its id, $2 by whom, $3 note, $4 time, $5
-- revision.
WITH acknowledged AS (
    UPDATE alarm SET acknowledged_at = $4::timestamptz, acknowledged_by = $2::text, note = $3::text WHERE alarm_id = $1
    RETURNING *
)
INSERT INTO alarm_version (revision, alarm_id, event, kind, subject, severity, summary, details, opened_at,
    last_seen_at, closed_at, acknowledged_at, acknowledged_by, note, recorded_at)
SELECT $5::bigint, alarm_id, 2, kind, subject, severity, summary, details, opened_at, last_seen_at, closed_at,
    acknowledged_at, acknowledged_by, note, $4::timestamptz
FROM acknowledged

-- name: lock_alarm_cursor
-- Says who looks: no row while somebody else does. $1 the kind of look.
SELECT revision, sku_id, location_id FROM alarm_cursor WHERE name = $1 FOR UPDATE SKIP LOCKED

-- name: move_alarm_cursor
-- How far a kind of look has come, under its lock. $1 the kind of look, $2 the revision, $3, $4 the last level of a round.
UPDATE alarm_cursor SET revision = $2, sku_id = $3, location_id = $4 WHERE name = $1

-- name: read_alarm_versions
-- Alarms as they were when they were opened, acknowledged or closed, in a range of revisions. $1, $2 the revisions.
SELECT * FROM alarm_version WHERE revision > $1 AND revision <= $2 ORDER BY revision, alarm_id

-- name: read_alarm_snapshot
-- A page of the alarms that were open at a revision, as they were, by id. $1 the revision; $2 the last page's last id;
-- $3 how many.
SELECT version.*
FROM (
    SELECT alarm_id FROM alarm WHERE closed_at IS NULL
    UNION
    SELECT alarm_id FROM alarm_version WHERE revision > $1
) AS perhaps
CROSS JOIN LATERAL (
    SELECT * FROM alarm_version
    WHERE alarm_version.alarm_id = perhaps.alarm_id AND alarm_version.revision <= $1
    ORDER BY alarm_version.revision DESC LIMIT 1
) AS version
WHERE version.closed_at IS NULL AND perhaps.alarm_id > $2
ORDER BY perhaps.alarm_id
LIMIT $3

-- name: read_changed_levels
-- The levels whose alarms may be others than they were: those that moved after one revision up to and with another, and
-- those with thresholds of SKUs that changed. $1, $2 the revisions.
SELECT sku_id, location_id FROM movement WHERE revision > $1 AND revision <= $2
UNION
SELECT level.sku_id, level.location_id
FROM (SELECT DISTINCT sku_id FROM sku_version WHERE revision > $1 AND revision <= $2 OFFSET 0) AS changed
CROSS JOIN LATERAL (SELECT * FROM level WHERE level.sku_id = changed.sku_id OFFSET 0) AS level
WHERE level.safety_stock IS NOT NULL OR level.reorder_point IS NOT NULL OR level.backordered > 0

-- name: read_level_round
-- The next levels of a round through all. $1, $2 the last one, $3 how many.
SELECT sku_id, location_id FROM level
WHERE (sku_id, location_id) > ($1::bigint, $2::integer) ORDER BY sku_id, location_id LIMIT $3

-- name: read_held_levels
-- The levels of open alarms of some kinds that may have stayed open because another about the same had just been closed.
-- $1 kinds, $2 how lately that was.
SELECT sku.sku_id, location.location_id
FROM (
    SELECT DISTINCT kind, subject FROM alarm WHERE closed_at > now() - $2::interval AND kind = ANY ($1::smallint[]) OFFSET 0
) AS lately
CROSS JOIN LATERAL (
    SELECT subject FROM alarm WHERE kind = lately.kind AND subject = lately.subject AND closed_at IS NULL OFFSET 0
) AS held
JOIN sku ON sku.code = held.subject ->> 'sku'
JOIN location ON location.code = held.subject ->> 'location'

-- name: read_levels_of_alarms
-- Levels that have thresholds, back-orders, or an open alarm, with those. $1 sku_ids, $2 location_ids, in the same order.
SELECT sku.code AS sku, location.code AS location, sku.active,
    level.on_hand - level.held - level.allocated - level.quality_control - level.damaged - level.quarantined
        AS available,
    level.backordered, level.safety_stock, level.reorder_point, alarms.ids, alarms.kinds
FROM unnest($1::bigint[], $2::integer[]) AS named (sku_id, location_id)
CROSS JOIN LATERAL (
    SELECT * FROM level WHERE sku_id = named.sku_id AND location_id = named.location_id OFFSET 0
) AS level
CROSS JOIN LATERAL (SELECT code, active FROM sku WHERE sku_id = named.sku_id OFFSET 0) AS sku
CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = named.location_id OFFSET 0) AS location
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(alarm.alarm_id), '{}') AS ids, coalesce(array_agg(alarm.kind), '{}') AS kinds
    FROM alarm
    WHERE alarm.closed_at IS NULL AND alarm.kind IN (6, 7, 8)
        AND alarm.subject = jsonb_build_object('sku', sku.code, 'location', location.code)
) AS alarms
WHERE level.safety_stock IS NOT NULL OR level.reorder_point IS NOT NULL OR level.backordered > 0
    OR cardinality(alarms.ids) > 0
