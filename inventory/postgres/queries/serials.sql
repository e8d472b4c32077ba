-- name: read_named_serials
-- Pieces by SKU code and serial number, wherever they are. $1 SKU codes, $2 serial numbers.
SELECT serial.sku_id, serial.serial, serial.state, serial.location_id, serial.disposition, serial.reservation_id,
    serial.line_no, serial.revision
FROM unnest($1::text[], $2::text[]) AS named (sku, serial)
CROSS JOIN LATERAL (SELECT sku_id FROM sku WHERE code = named.sku OFFSET 0) AS sku
CROSS JOIN LATERAL (
    SELECT * FROM serial WHERE serial.sku_id = sku.sku_id AND serial.serial = named.serial OFFSET 0
) AS serial

-- name: read_reserved_serials
-- Pieces that are promised to reservations, or were issued for them. $1 reservation ids.
SELECT serial.sku_id, serial.serial, serial.state, serial.location_id, serial.disposition, serial.reservation_id,
    serial.line_no, serial.revision
FROM unnest($1::uuid[]) AS named (reservation_id)
CROSS JOIN LATERAL (SELECT * FROM serial WHERE serial.reservation_id = named.reservation_id OFFSET 0) AS serial

-- name: write_serials
-- What a batch made of pieces, after the head was drawn: whoever else writes pieces waits for it, so that a piece that
-- is received at two places at once, under two locks, is seen here. $1 pieces after each step, of which the last one of
-- each piece is written, if it still is of the revision `seen` (0: there was none); $2 the revision before the batch's
-- first; $3 the decision's time. Gives how many pieces were written.
WITH event AS (
    SELECT * FROM unnest($1::serial_row[])
), changed AS (
    UPDATE serial SET state = event.state, location_id = event.location_id, disposition = event.disposition,
        reservation_id = event.reservation_id, line_no = event.line_no, revision = $2::bigint + event.step
    FROM event
    WHERE event.last AND event.seen > 0 AND serial.sku_id = event.sku_id AND serial.serial = event.serial
        AND serial.revision = event.seen
    RETURNING serial.sku_id
), made AS (
    INSERT INTO serial (sku_id, serial, state, location_id, disposition, reservation_id, line_no, revision)
    SELECT sku_id, serial, state, location_id, disposition, reservation_id, line_no, $2::bigint + step
    FROM event
    WHERE last AND seen = 0
    ON CONFLICT (sku_id, serial) DO NOTHING
    RETURNING sku_id
), written_event AS (
    INSERT INTO serial_event (sku_id, serial, revision, state, location_id, disposition, reservation_id, reference,
        recorded_at)
    SELECT sku_id, serial, $2::bigint + step, state, location_id, disposition, reservation_id, nullif(reference, ''),
        $3::timestamptz
    FROM event
)
SELECT (SELECT count(*) FROM changed) + (SELECT count(*) FROM made) AS written

-- name: read_serial_events
-- What happened to a piece, newest first; `over`: it is promised to a hold that has run out, which nobody has ended yet.
-- $1 SKU code, $2 serial number, $3 how many; $4, $5 the reader's places and categories, as in read_stock: a piece that
-- is elsewhere is unknown, and what happened to it there is left out.
SELECT event.revision, event.state, location.code AS location, event.disposition, event.reservation_id,
    event.reference, event.recorded_at, serial.state = 2 AND EXISTS (
        SELECT FROM reservation JOIN reservation_line AS line USING (reservation_id)
        WHERE reservation.reservation_id = serial.reservation_id AND line.line_no = serial.line_no
            AND line.allocated = 0 AND reservation.state = 1 AND reservation.expires_at <= clock_timestamp()
    ) AS over
FROM (
    SELECT sku_id FROM sku WHERE code = $1 AND ($5::text[] IS NULL OR (category || '/') ^@ ANY ($5::text[]))
) AS sku
CROSS JOIN LATERAL (
    SELECT * FROM serial
    WHERE serial.sku_id = sku.sku_id AND serial.serial = $2
        AND ($4::integer[] IS NULL OR serial.location_id = ANY ($4::integer[]))
    OFFSET 0
) AS serial
CROSS JOIN LATERAL (
    SELECT * FROM serial_event
    WHERE serial_event.sku_id = sku.sku_id AND serial_event.serial = serial.serial
        AND ($4::integer[] IS NULL OR serial_event.location_id = ANY ($4::integer[]))
    ORDER BY revision DESC
    LIMIT $3
) AS event
LEFT JOIN location ON location.location_id = event.location_id
ORDER BY event.revision DESC
