-- name: read_incoming
-- What is expected at locked levels under a reference. $1 sku_ids, $2 location_ids, $3 references.
SELECT incoming.sku_id, incoming.location_id, incoming.reference, incoming.quantity, incoming.due_on
FROM unnest($1::bigint[], $2::integer[], $3::text[]) AS named (sku_id, location_id, reference)
CROSS JOIN LATERAL (
    SELECT * FROM incoming
    WHERE incoming.sku_id = named.sku_id AND incoming.location_id = named.location_id
        AND incoming.reference = named.reference OFFSET 0
) AS incoming

-- name: write_incoming
-- What is expected at locked levels from now on. $1 sku_ids, $2 location_ids, $3 references, $4 quantities, of which none
-- is 0, $5 days.
INSERT INTO incoming (sku_id, location_id, reference, quantity, due_on)
SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::bigint[], $5::date[])
ON CONFLICT (sku_id, location_id, reference) DO UPDATE SET quantity = excluded.quantity, due_on = excluded.due_on

-- name: forget_incoming
-- What is expected no more. $1 sku_ids, $2 location_ids, $3 references.
DELETE FROM incoming
USING unnest($1::bigint[], $2::integer[], $3::text[]) AS named (sku_id, location_id, reference)
WHERE incoming.sku_id = named.sku_id AND incoming.location_id = named.location_id
    AND incoming.reference = named.reference

-- name: read_due
-- When more is due at levels: what is expected, by reference, and shipped transfers, without one. $1 sku_ids,
-- $2 location_ids, $3 how many of a level at most.
SELECT key.sku_id, key.location_id, due.reference, due.quantity, due.due_on
FROM unnest($1::bigint[], $2::integer[]) AS key (sku_id, location_id)
CROSS JOIN LATERAL (
    (
        SELECT reference, quantity, due_on FROM incoming
        WHERE incoming.sku_id = key.sku_id AND incoming.location_id = key.location_id
        ORDER BY due_on
        LIMIT $3
    )
    UNION ALL
    (
        SELECT NULL, line.shipped - line.received - line.missing, transfer.expected_on
        FROM transfer
        CROSS JOIN LATERAL (
            SELECT * FROM transfer_line
            WHERE transfer_line.transfer_id = transfer.transfer_id AND transfer_line.sku_id = key.sku_id OFFSET 0
        ) AS line
        WHERE transfer.to_location_id = key.location_id AND transfer.state = 2 AND transfer.expected_on IS NOT NULL
            AND line.shipped > line.received + line.missing
        ORDER BY transfer.expected_on
        LIMIT $3
    )
) AS due
