-- name: lock_transfers
-- Locks transfers in the order of their ids, before any level, and says which levels and which reservation each needs.
-- $1 transfer ids, each once.
WITH locked AS MATERIALIZED (
    SELECT transfer.*
    FROM (SELECT unnest($1::uuid[]) AS transfer_id ORDER BY 1) AS wanted
    CROSS JOIN LATERAL (
        SELECT * FROM transfer WHERE transfer_id = wanted.transfer_id FOR UPDATE
    ) AS transfer
)
SELECT locked.transfer_id, locked.reservation_id, origin.code AS from_location, target.code AS to_location,
    ARRAY(
        SELECT DISTINCT sku.code
        FROM transfer_line AS line
        JOIN sku ON sku.sku_id = line.sku_id
        WHERE line.transfer_id = locked.transfer_id
    ) AS skus
FROM locked
JOIN location AS origin ON origin.location_id = locked.from_location_id
JOIN location AS target ON target.location_id = locked.to_location_id

-- name: read_transfers
-- Transfers with their lines, read under their locks. $1 transfer ids.
SELECT transfer.transfer_id, transfer.channel_id, transfer.from_location_id, transfer.to_location_id, transfer.state,
    transfer.reservation_id, transfer.reference, transfer.reason, transfer.created_at, transfer.shipped_at,
    transfer.ended_at, transfer.expected_on, channel.code AS channel, line.sku_id, line.lot_id, line.requested,
    line.shipped, line.received, line.missing, line.difference_reason, line.serials, lot.code AS lot,
    lot.expires_on, sku.code AS sku
FROM unnest($1::uuid[]) AS named (transfer_id)
JOIN transfer ON transfer.transfer_id = named.transfer_id
JOIN transfer_line AS line ON line.transfer_id = named.transfer_id
JOIN channel ON channel.channel_id = transfer.channel_id
JOIN sku ON sku.sku_id = line.sku_id
LEFT JOIN lot ON lot.lot_id = line.lot_id
ORDER BY line.transfer_id, line.line_no

-- name: write_transfers
-- Transfers and their lines, before write_stock. $1 transfers, $2 their lines.
WITH written AS (
    INSERT INTO transfer (transfer_id, channel_id, from_location_id, to_location_id, state, reservation_id, reference,
        reason, created_at, shipped_at, ended_at, expected_on)
    SELECT new.* FROM unnest($1::transfer_row[]) AS new
    ON CONFLICT (transfer_id) DO UPDATE SET state = excluded.state, reason = excluded.reason,
        shipped_at = excluded.shipped_at, ended_at = excluded.ended_at, expected_on = excluded.expected_on
)
INSERT INTO transfer_line (transfer_id, line_no, sku_id, lot_id, requested, shipped, received, missing,
    difference_reason, serials)
SELECT new.* FROM unnest($2::transfer_line_row[]) AS new
ON CONFLICT (transfer_id, line_no) DO UPDATE SET sku_id = excluded.sku_id, lot_id = excluded.lot_id,
    requested = excluded.requested, shipped = excluded.shipped, received = excluded.received,
    missing = excluded.missing, difference_reason = excluded.difference_reason, serials = excluded.serials

-- name: cancel_transfers_of
-- Cancels what is planned for reservations that have ended, under the locks of their levels. Who has locked such a
-- transfer waits for those levels and will see the same: it is left alone, and counts as cancelled all the same.
-- $1 reservation ids; $2 when.
UPDATE transfer SET state = 4, ended_at = $2::timestamptz
WHERE transfer_id = ANY (ARRAY(
    SELECT transfer.transfer_id
    FROM unnest($1::uuid[]) AS ended (reservation_id)
    JOIN transfer ON transfer.reservation_id = ended.reservation_id
    WHERE transfer.state = 1
    FOR UPDATE OF transfer SKIP LOCKED
))

-- name: list_transfers
-- A page of transfers with their lines, newest first; what is planned for a reservation that has ended is cancelled,
-- also when nobody has said so yet. Scalar subqueries, which are never hashed: only a page's reservations are looked at.
-- $1 the last page's last id or null; $2 one id, $3 state, $4 from, $5 to, $6
-- reservation, each null for all; $7 how many; $8, $9 the reader's places and categories, as in read_stock: what names
-- anything else is unknown.
WITH page AS (
    SELECT * FROM (
        SELECT transfer_id, channel_id, from_location_id, to_location_id,
            CASE WHEN state = 1 AND reservation_id IS NOT NULL AND NOT coalesce((
                SELECT reservation.state = 2 OR (reservation.state = 1 AND (reservation.expires_at > now() OR (
                    SELECT max(line.allocated) > 0 FROM reservation_line AS line
                    WHERE line.reservation_id = reservation.reservation_id
                )))
                FROM reservation WHERE reservation.reservation_id = transfer.reservation_id
            ), false) THEN 4 ELSE state END AS state,
            reservation_id, reference, reason, created_at, shipped_at, ended_at, expected_on
        FROM transfer
    ) AS transfer
    WHERE ($1::uuid IS NULL OR transfer_id < $1::uuid)
        AND ($2::uuid IS NULL OR transfer_id = $2::uuid)
        AND ($3::smallint IS NULL OR state = $3::smallint)
        AND ($4::text IS NULL OR from_location_id = (SELECT location_id FROM location WHERE code = $4::text))
        AND ($5::text IS NULL OR to_location_id = (SELECT location_id FROM location WHERE code = $5::text))
        AND ($6::uuid IS NULL OR reservation_id = $6::uuid)
        AND ($8::integer[] IS NULL OR (
            from_location_id = ANY ($8::integer[]) AND to_location_id = ANY ($8::integer[])
        ))
        AND ($9::text[] IS NULL OR (
            SELECT bool_and((sku.category || '/') ^@ ANY ($9::text[]))
            FROM transfer_line AS line JOIN sku ON sku.sku_id = line.sku_id
            WHERE line.transfer_id = transfer.transfer_id
        ))
    ORDER BY transfer_id DESC
    LIMIT $7
)
SELECT page.*, channel.code AS channel, line.sku_id, line.lot_id, line.requested, line.shipped, line.received,
    line.missing, line.difference_reason, line.serials, lot.code AS lot, lot.expires_on, sku.code AS sku,
    origin.code AS from_location, target.code AS to_location
FROM page
JOIN transfer_line AS line ON line.transfer_id = page.transfer_id
JOIN channel ON channel.channel_id = page.channel_id
JOIN sku ON sku.sku_id = line.sku_id
JOIN location AS origin ON origin.location_id = page.from_location_id
JOIN location AS target ON target.location_id = page.to_location_id
LEFT JOIN lot ON lot.lot_id = line.lot_id
ORDER BY page.transfer_id DESC, line.line_no
