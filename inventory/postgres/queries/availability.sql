-- name: read_claims
-- What of a SKU is held or allocated at some places, by reservation, the largest first; holds that have run out don't
-- count. $1 sku_id, $2 location_ids, $3 how many of each. `reservations`: how many there are in all.
WITH claim AS (
    SELECT false AS is_allocated, line.held AS quantity, line.location_id, line.reservation_id, line.lot_id,
        line.expires_at
    FROM unnest($2::integer[]) AS place (location_id)
    CROSS JOIN LATERAL (
        SELECT * FROM reservation_line
        WHERE sku_id = $1 AND location_id = place.location_id AND held > 0 AND expires_at > now() OFFSET 0
    ) AS line
    UNION ALL
    SELECT true, line.allocated, line.location_id, line.reservation_id, line.lot_id, NULL
    FROM unnest($2::integer[]) AS place (location_id)
    CROSS JOIN LATERAL (
        SELECT * FROM reservation_line
        WHERE sku_id = $1 AND location_id = place.location_id AND allocated > 0 OFFSET 0
    ) AS line
), counted AS (
    SELECT is_allocated, count(DISTINCT reservation_id)::integer AS reservations FROM claim GROUP BY is_allocated
), ranked AS (
    SELECT *, row_number() OVER (
        PARTITION BY is_allocated ORDER BY quantity DESC, reservation_id, location_id, lot_id
    ) AS place
    FROM claim
)
SELECT ranked.is_allocated, ranked.quantity, location.code AS location, ranked.reservation_id, channel.code AS channel,
    reservation.owner, ranked.expires_at AS until,
    reservation.reference, coalesce(lot.code, '') AS lot, counted.reservations
FROM ranked
JOIN counted ON counted.is_allocated = ranked.is_allocated
JOIN reservation ON reservation.reservation_id = ranked.reservation_id
JOIN channel ON channel.channel_id = reservation.channel_id
JOIN location ON location.location_id = ranked.location_id
LEFT JOIN lot ON lot.lot_id = ranked.lot_id
WHERE ranked.place <= $3
ORDER BY ranked.is_allocated, ranked.place

-- name: read_due_in
-- What is expected of some SKUs at some places: incoming, and shipped transfers. $1 sku_ids, $2 location_ids.
SELECT incoming.sku_id, incoming.location_id, incoming.due_on, incoming.quantity, incoming.reference
FROM unnest($1::bigint[]) AS wanted (sku_id)
CROSS JOIN LATERAL (
    SELECT * FROM incoming WHERE sku_id = wanted.sku_id AND location_id = ANY ($2::integer[]) OFFSET 0
) AS incoming
UNION ALL
SELECT line.sku_id, transfer.to_location_id, transfer.expected_on, line.shipped - line.received - line.missing,
    transfer.transfer_id::text
FROM unnest($2::integer[]) AS place (location_id)
CROSS JOIN LATERAL (
    SELECT * FROM transfer WHERE to_location_id = place.location_id AND state <= 2 OFFSET 0
) AS transfer
CROSS JOIN LATERAL (
    SELECT * FROM transfer_line WHERE transfer_id = transfer.transfer_id AND sku_id = ANY ($1::bigint[]) OFFSET 0
) AS line
WHERE transfer.state = 2 AND line.shipped > line.received + line.missing
ORDER BY due_on NULLS LAST, location_id, reference

-- name: read_visible_skus
-- Those of SKUs that a reader may know. $1 codes; $2 what the categories begin with, each with a slash at its end.
SELECT sku.code
FROM unnest($1::text[]) AS named (code)
CROSS JOIN LATERAL (SELECT code, category FROM sku WHERE code = named.code OFFSET 0) AS sku
WHERE (sku.category || '/') ^@ ANY ($2::text[])

-- name: find_channel
-- The number of a channel by code. $1 code; $2 the only channel that the reader may know, or null.
SELECT channel_id FROM channel WHERE code = $1 AND ($2::integer IS NULL OR channel_id = $2::integer)

-- name: read_shown
-- How quantities of SKUs are shown, and until when they are pre-ordered. $1 sku_ids.
SELECT sku_id, unit, unit_digits, CASE WHEN preorder_until > (now() AT TIME ZONE 'UTC')::date THEN preorder_until END
    AS preorder_until
FROM sku WHERE sku_id = ANY ($1::bigint[])
