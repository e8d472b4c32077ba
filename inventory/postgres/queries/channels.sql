-- name: lock_channel
-- Locks a channel, which guards the views of its SKUs too. NO KEY, so that the foreign keys of what it does don't wait
-- for it. $1 code.
SELECT channel_id, code, name, kind, buffer, cap, share_bp, oversell_limit, min_life_days, silent_after,
    stop_selling_when_silent, selling_stopped, location_codes(location_ids) AS locations
FROM channel WHERE code = $1 FOR NO KEY UPDATE

-- name: read_location_numbers
-- The numbers of locations, none of an unknown one. Not locked: a location is never dropped. $1 codes.
SELECT code, location_id FROM location WHERE code = ANY ($1::text[])

-- name: read_channel_views
-- Of SKUs that exist their numbers, and their own views in a channel, null where they have none; under the channel's
-- lock. $1 the channel, $2 SKU codes.
SELECT sku.code, sku.sku_id, view.buffer, view.cap, view.share_bp, view.oversell_limit
FROM unnest($2::text[]) AS named (code)
CROSS JOIN LATERAL (SELECT code, sku_id FROM sku WHERE code = named.code OFFSET 0) AS sku
LEFT JOIN LATERAL (
    SELECT buffer, cap, share_bp, oversell_limit FROM channel_sku WHERE channel_id = $1 AND sku_id = sku.sku_id OFFSET 0
) AS view ON true

-- name: write_channel
-- Makes or replaces a channel, and writes its version. One that another replica made since the look fails as a
-- duplicate: it must be looked at. $1 revision, $2 who asked, $3 time; $4 the locked channel's number, null when it is
-- new; $5 code, $6 name, $7 kind, $8 location numbers in its order, $9 buffer, $10 cap, $11 share, $12 oversell limit,
-- $13 days, $14 silent after, $15 whether it stops selling then, $16 whether that is so now.
WITH made AS (
    INSERT INTO channel (code, name, kind, location_ids, buffer, cap, share_bp, oversell_limit, min_life_days,
        silent_after, stop_selling_when_silent, selling_stopped, revision)
    SELECT $5::text, $6::text, $7::smallint, $8::integer[], $9::bigint, $10::bigint, $11::integer, $12::bigint,
        $13::integer, $14::interval, $15::boolean, $16::boolean, $1::bigint
    WHERE $4::integer IS NULL
    RETURNING *
), replaced AS (
    UPDATE channel SET name = $6::text, kind = $7::smallint, location_ids = $8::integer[], buffer = $9::bigint,
        cap = $10::bigint, share_bp = $11::integer, oversell_limit = $12::bigint, min_life_days = $13::integer,
        silent_after = $14::interval, stop_selling_when_silent = $15::boolean, selling_stopped = $16::boolean,
        revision = $1::bigint
    WHERE channel_id = $4::integer
    RETURNING *
)
INSERT INTO channel_version (revision, channel_id, name, kind, location_ids, buffer, cap, share_bp, oversell_limit,
    min_life_days, silent_after, stop_selling_when_silent, selling_stopped, by_channel_id, recorded_at)
SELECT revision, channel_id, name, kind, location_ids, buffer, cap, share_bp, oversell_limit, min_life_days,
    silent_after, stop_selling_when_silent, selling_stopped, $2::integer, $3::timestamptz
FROM (SELECT * FROM made UNION ALL SELECT * FROM replaced) AS written

-- name: write_channel_skus
-- Sets, or where all is null takes away, SKUs' own views in a locked channel, and writes their versions. $1 revision,
-- $2 who asked, $3 time, $4 the channel; $5 SKU numbers, $6 buffers, $7 caps, $8 shares, $9 oversell limits, in the same
-- order.
WITH new AS MATERIALIZED (
    SELECT *, num_nonnulls(buffer, cap, share_bp, oversell_limit) > 0 AS differs
    FROM unnest($5::bigint[], $6::bigint[], $7::bigint[], $8::integer[], $9::bigint[])
        AS new (sku_id, buffer, cap, share_bp, oversell_limit)
), dropped AS (
    DELETE FROM channel_sku WHERE channel_id = $4::integer
        AND sku_id = ANY (ARRAY(SELECT sku_id FROM new WHERE NOT differs))
), put AS (
    INSERT INTO channel_sku (channel_id, sku_id, buffer, cap, share_bp, oversell_limit)
    SELECT $4::integer, sku_id, buffer, cap, share_bp, oversell_limit FROM new WHERE differs ORDER BY sku_id
    ON CONFLICT (channel_id, sku_id) DO UPDATE SET buffer = excluded.buffer, cap = excluded.cap,
        share_bp = excluded.share_bp, oversell_limit = excluded.oversell_limit
)
INSERT INTO channel_sku_version (revision, channel_id, sku_id, buffer, cap, share_bp, oversell_limit, by_channel_id,
    recorded_at)
SELECT $1::bigint, $4::integer, sku_id, buffer, cap, share_bp, oversell_limit, $2::integer, $3::timestamptz FROM new

-- name: find_channel_settings
-- A channel by code, without settings too. $1 code; $2 the only channel that the reader may know, or null; $3 the
-- numbers of the places that it may know, or null.
SELECT channel_id, code, name, kind, buffer, cap, share_bp, oversell_limit, min_life_days, silent_after,
    stop_selling_when_silent, selling_stopped,
    location_codes(CASE WHEN $3::integer[] IS NULL THEN location_ids ELSE ARRAY(
        SELECT location_id FROM unnest(location_ids) WITH ORDINALITY AS named (location_id, place)
        WHERE location_id = ANY ($3::integer[]) ORDER BY place
    ) END) AS locations
FROM channel WHERE code = $1 AND ($2::integer IS NULL OR channel_id = $2::integer)

-- name: list_channels
-- A page of channels by code, those without settings too. $1 the last page's last code; $2 how many.
SELECT channel_id, code, name, kind, buffer, cap, share_bp, oversell_limit, min_life_days, silent_after,
    stop_selling_when_silent, selling_stopped, location_codes(location_ids) AS locations
FROM channel WHERE code > $1
ORDER BY code
LIMIT $2

-- name: list_channel_skus
-- A page of SKUs that have a view of their own in a channel, by code. $1 the channel; $2 the last page's last code; $3
-- how many.
SELECT sku.code, view.buffer, view.cap, view.share_bp, view.oversell_limit
FROM channel_sku AS view JOIN sku ON sku.sku_id = view.sku_id
WHERE view.channel_id = $1 AND sku.code > $2
ORDER BY sku.code
LIMIT $3
