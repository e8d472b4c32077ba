-- name: append_audit
-- Entries of what is changed beside stock, as the next batch of the chain, which covers the versions of its revisions too.
-- The feed's head is locked by it, as by every batch. $1 the revision that steps count from, null for the present one; $2
-- the time, null for now; $3 the entries.
WITH asked AS MATERIALIZED (
    SELECT coalesce($2::timestamptz, clock_timestamp()) AS recorded_at,
        (SELECT max(step) FROM unnest($3::audit_row[])) AS steps
), said AS MATERIALIZED (
    SELECT recorded_at, audit_content(
        recorded_at, $3::audit_row[], NULL, audit_versions($1::bigint, $1::bigint + steps)
    ) AS content
    FROM asked
), head AS (
    UPDATE feed_head SET audited = audited + 1,
        chain = sha256(chain || int8send(audited + 1) || int8send(coalesce($1::bigint, revision)) || said.content)
    FROM said
    RETURNING audited, coalesce($1::bigint, revision) AS base, chain, content, recorded_at
), audited_batch AS (
    INSERT INTO audit_batch (batch, base, content, chain, recorded_at)
    SELECT audited, base, content, chain, recorded_at FROM head
)
INSERT INTO audit_entry (batch, ordinal, step, channel_id, key_id, operator, peer, action, request_id, code, detail)
SELECT head.audited, new.* FROM head, unnest($3::audit_row[]) AS new

-- name: list_audit_entries
-- A page of entries, newest first. $1, $2 the last page's last batch and ordinal; $3 channel code, $4 key id, $5
-- request_id, $6 revision, each null for all; $7 only refused ones; $8, $9 times from and before or null; $10 how many.
SELECT batch.batch, entry.ordinal, batch.base, entry.step, channel.code AS channel, entry.key_id, entry.operator,
    entry.peer, entry.action, entry.request_id, entry.code, entry.detail, batch.recorded_at
FROM audit_entry AS entry
CROSS JOIN LATERAL (SELECT * FROM audit_batch WHERE audit_batch.batch = entry.batch OFFSET 0) AS batch
LEFT JOIN channel ON channel.channel_id = entry.channel_id
WHERE (entry.batch, entry.ordinal) < ($1::bigint, $2::integer)
    AND ($3::text IS NULL OR entry.channel_id = (SELECT channel_id FROM channel WHERE code = $3::text))
    AND ($4::text IS NULL OR entry.key_id = $4::text)
    AND ($5::uuid IS NULL OR entry.request_id = $5::uuid)
    AND ($6::bigint IS NULL OR (
        batch.base + entry.step = $6::bigint
        AND entry.batch >= (SELECT max(batch) FROM audit_batch WHERE base < $6::bigint)
    ))
    AND (NOT $7::boolean OR entry.code <> 0)
    AND ($8::timestamptz IS NULL OR batch.recorded_at >= $8::timestamptz)
    AND ($9::timestamptz IS NULL OR batch.recorded_at < $9::timestamptz)
ORDER BY entry.batch DESC, entry.ordinal DESC
LIMIT $10

-- name: read_audit_changes
-- What changed at revisions, by what the ledger and the versions keep. $1 revisions, $2 how many rows of each at most.
SELECT asked.revision, found.kind, found.subject, found.before, found.after
FROM unnest($1::bigint[]) AS asked (revision)
CROSS JOIN LATERAL (
    SELECT * FROM (
        SELECT 'stock' AS kind, sku.code || '@' || location.code AS subject, jsonb_build_object(
                'on_hand', on_hand_after - on_hand_delta, 'held', held_after - held_delta,
                'allocated', allocated_after - allocated_delta, 'unsellable', quality_control_after + damaged_after
                    + quarantined_after - quality_control_delta - damaged_delta - quarantined_delta,
                'backordered', backordered_after - backordered_delta, 'in_transit', in_transit_after - in_transit_delta,
                'incoming', incoming_after - incoming_delta
            )::text AS before, jsonb_build_object(
                'on_hand', on_hand_after, 'held', held_after, 'allocated', allocated_after,
                'unsellable', quality_control_after + damaged_after + quarantined_after, 'backordered', backordered_after,
                'in_transit', in_transit_after, 'incoming', incoming_after
            )::text AS after
        FROM movement
        CROSS JOIN LATERAL (SELECT code FROM sku WHERE sku_id = movement.sku_id OFFSET 0) AS sku
        CROSS JOIN LATERAL (SELECT code FROM location WHERE location_id = movement.location_id OFFSET 0) AS location
        WHERE movement.revision = asked.revision
        ORDER BY ordinal LIMIT $2
    ) AS stock
    UNION ALL
    SELECT * FROM (
        SELECT 'sku', sku.code, (
            SELECT to_jsonb(earlier) - '{revision,sku_id,channel_id,recorded_at}'::text[] FROM sku_version AS earlier
            WHERE earlier.sku_id = version.sku_id AND earlier.revision < version.revision
            ORDER BY earlier.revision DESC LIMIT 1
        )::text, (to_jsonb(version) - '{revision,sku_id,channel_id,recorded_at}'::text[])::text
        FROM sku_version AS version JOIN sku USING (sku_id)
        WHERE version.revision = asked.revision ORDER BY version.sku_id LIMIT $2
    ) AS sku
    UNION ALL
    SELECT * FROM (
        SELECT 'location', location.code, (
            SELECT to_jsonb(earlier) - '{revision,location_id,channel_id,recorded_at}'::text[]
            FROM location_version AS earlier
            WHERE earlier.location_id = version.location_id AND earlier.revision < version.revision
            ORDER BY earlier.revision DESC LIMIT 1
        )::text, (to_jsonb(version) - '{revision,location_id,channel_id,recorded_at}'::text[])::text
        FROM location_version AS version JOIN location USING (location_id)
        WHERE version.revision = asked.revision ORDER BY version.location_id LIMIT $2
    ) AS location
    UNION ALL
    SELECT * FROM (
        SELECT 'channel', channel.code, (
            SELECT to_jsonb(earlier) - '{revision,channel_id,by_channel_id,recorded_at}'::text[]
            FROM channel_version AS earlier
            WHERE earlier.channel_id = version.channel_id AND earlier.revision < version.revision
            ORDER BY earlier.revision DESC LIMIT 1
        )::text, (to_jsonb(version) - '{revision,channel_id,by_channel_id,recorded_at}'::text[])::text
        FROM channel_version AS version JOIN channel USING (channel_id)
        WHERE version.revision = asked.revision ORDER BY version.channel_id LIMIT $2
    ) AS channel
    UNION ALL
    SELECT * FROM (
        SELECT 'channel sku', channel.code || ' ' || sku.code, (
            SELECT to_jsonb(earlier) - '{revision,channel_id,sku_id,by_channel_id,recorded_at}'::text[]
            FROM channel_sku_version AS earlier
            WHERE earlier.channel_id = version.channel_id AND earlier.sku_id = version.sku_id
                AND earlier.revision < version.revision
            ORDER BY earlier.revision DESC LIMIT 1
        )::text, (to_jsonb(version) - '{revision,channel_id,sku_id,by_channel_id,recorded_at}'::text[])::text
        FROM channel_sku_version AS version JOIN channel USING (channel_id) JOIN sku USING (sku_id)
        WHERE version.revision = asked.revision ORDER BY version.sku_id LIMIT $2
    ) AS view
    UNION ALL
    SELECT * FROM (
        SELECT 'subscriber', channel.code || ' ' || version.name, (
            SELECT to_jsonb(earlier) - '{revision,channel_id,name,recorded_at}'::text[]
            FROM subscriber_version AS earlier
            WHERE earlier.channel_id = version.channel_id AND earlier.name = version.name
                AND earlier.revision < version.revision
            ORDER BY earlier.revision DESC LIMIT 1
        )::text, (to_jsonb(version) - '{revision,channel_id,name,recorded_at}'::text[])::text
        FROM subscriber_version AS version JOIN channel USING (channel_id)
        WHERE version.revision = asked.revision
    ) AS subscriber
    UNION ALL
    SELECT * FROM (
        SELECT 'alarm', version.alarm_id::text, (
            SELECT to_jsonb(earlier) - '{revision,alarm_id,event,recorded_at}'::text[]
            FROM alarm_version AS earlier
            WHERE earlier.alarm_id = version.alarm_id AND earlier.revision < version.revision
            ORDER BY earlier.revision DESC LIMIT 1
        )::text, (to_jsonb(version) - '{revision,alarm_id,event,recorded_at}'::text[])::text
        FROM alarm_version AS version
        WHERE version.revision = asked.revision ORDER BY version.alarm_id LIMIT $2
    ) AS alarm
) AS found

-- name: verify_audit
-- A page of batches, and of each whether it follows the one before, its content is that of what stands there, and its
-- chain goes on. $1 the last page's last batch, $2 its chain, $3 how many batches.
WITH page AS MATERIALIZED (
    SELECT *, lag(chain, 1, $2::bytea) OVER (ORDER BY batch) AS chain_before,
        lag(batch, 1, $1::bigint) OVER (ORDER BY batch) AS batch_before
    FROM audit_batch WHERE batch > $1::bigint ORDER BY batch LIMIT $3
)
SELECT page.batch, page.base, page.chain, page.recorded_at, page.batch = page.batch_before + 1 AS follows,
    page.content = audit_content(page.recorded_at, ARRAY(
        SELECT ROW (ordinal, step, channel_id, key_id, operator, peer, action, request_id, code, detail)::audit_row
        FROM audit_entry WHERE audit_entry.batch = page.batch ORDER BY ordinal
    ), ARRAY(
        SELECT ROW (
            revision - page.base, ordinal, sku_id, location_id, kind, on_hand_delta, held_delta, allocated_delta,
            quality_control_delta, damaged_delta, quarantined_delta, backordered_delta, in_transit_delta,
            incoming_delta, on_hand_after, held_after, allocated_after, quality_control_after, damaged_after,
            quarantined_after, backordered_after, in_transit_after, incoming_after, channel_id, reservation_id, reason,
            reference, lot_id
        )::movement_row
        FROM movement WHERE revision > page.base AND revision <= moved.last
        ORDER BY revision, ordinal
    ), audit_versions(page.base, moved.last)) AND NOT EXISTS (
        SELECT FROM movement  -- whose time is its batch's, and not hashed again
        WHERE revision > page.base AND revision <= moved.last AND recorded_at <> page.recorded_at
    ) AS is_true, page.chain = sha256(
        page.chain_before || int8send(page.batch) || int8send(page.base) || page.content
    ) AS is_chained
FROM page CROSS JOIN LATERAL (
    SELECT page.base + max(step) AS last FROM audit_entry WHERE audit_entry.batch = page.batch
) AS moved
ORDER BY page.batch

-- name: read_audit_head
-- Where the chain ends.
SELECT audited, chain, revision FROM feed_head

-- name: read_unaudited
-- Some revisions that no entry tells of, from the first audited one on: of the ledger, of versions, and up to the feed's
-- head. $1 how many at most.
SELECT revision FROM (
    (
        SELECT revision FROM movement
        UNION SELECT revision FROM sku_version
        UNION SELECT revision FROM location_version
        UNION SELECT revision FROM channel_version
        UNION SELECT revision FROM channel_sku_version
        UNION SELECT revision FROM subscriber_version
        UNION SELECT revision FROM alarm_version
        UNION SELECT generate_series((SELECT min(base) FROM audit_batch) + 1, feed_head.revision) FROM feed_head
    )
    EXCEPT
    SELECT batch.base + entry.step FROM audit_entry AS entry JOIN audit_batch AS batch USING (batch)
    WHERE entry.step IS NOT NULL
) AS unaudited
WHERE revision > (SELECT min(base) FROM audit_batch)
ORDER BY revision
LIMIT $1
