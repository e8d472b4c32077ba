-- name: read_numbers
-- Levels by code in the order asked, each with its present number; where that isn't the one given, also how it was at a
-- revision, the last revision since at which it was as given, and the change after that, as far as `$6` changes of the
-- level reach. What doesn't exist has no sku_id or location_id. $1, $2 SKU and location codes; $3 the numbers given; $4
-- each one's revision or null; $5 whether on_hand is meant, else what is available; $6 how many changes are looked at. `due`:
-- what of the number is held by holds that have run out. `changed`: the level's last revision.
SELECT pair.position, sku.sku_id, sku.category, location.location_id, coalesce(here.quantity, 0) AS quantity,
    coalesce(due.held, 0) AS due, coalesce(here.revision, 0) AS changed, past.was, past.right_at, past.wrong_since
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
    AS pair (sku, location, given, seen, position)
LEFT JOIN LATERAL (SELECT sku_id, category FROM sku WHERE code = pair.sku OFFSET 0) AS sku ON true
LEFT JOIN LATERAL (SELECT location_id FROM location WHERE code = pair.location OFFSET 0) AS location ON true
LEFT JOIN LATERAL (
    SELECT revision, CASE WHEN $5::boolean THEN on_hand
        ELSE on_hand - held - allocated - quality_control - damaged - quarantined END AS quantity
    FROM level WHERE sku_id = sku.sku_id AND location_id = location.location_id OFFSET 0
) AS here ON true
LEFT JOIN LATERAL (
    SELECT sum(line.held)::bigint AS held FROM reservation_line AS line
    WHERE line.sku_id = sku.sku_id AND line.location_id = location.location_id AND line.held > 0
        AND line.expires_at <= clock_timestamp() AND NOT $5
) AS due ON here.quantity <> pair.given
LEFT JOIN LATERAL (
    SELECT (array_agg(state.quantity ORDER BY state.revision))[1] AS was,
        max(state.revision) FILTER (WHERE state.quantity = pair.given) AS right_at,
        (array_agg(state.next ORDER BY state.revision DESC) FILTER (WHERE state.quantity = pair.given))[1] AS wrong_since
    FROM (
        SELECT each.revision, each.quantity, lead(each.revision) OVER (ORDER BY each.revision) AS next
        FROM (
            SELECT pair.seen AS revision, coalesce((
                SELECT CASE WHEN $5 THEN on_hand_after ELSE on_hand_after - held_after - allocated_after
                    - quality_control_after - damaged_after - quarantined_after END
                FROM movement
                WHERE sku_id = sku.sku_id AND location_id = location.location_id AND revision <= pair.seen
                ORDER BY revision DESC, ordinal DESC LIMIT 1
            ), 0) AS quantity
            UNION ALL
            (SELECT DISTINCT ON (since.revision) since.revision, since.quantity
            FROM (
                SELECT revision, ordinal, CASE WHEN $5 THEN on_hand_after ELSE on_hand_after - held_after
                    - allocated_after - quality_control_after - damaged_after - quarantined_after END AS quantity
                FROM movement
                WHERE sku_id = sku.sku_id AND location_id = location.location_id AND revision > pair.seen
                ORDER BY revision, ordinal DESC LIMIT $6
            ) AS since
            ORDER BY since.revision, since.ordinal DESC)
        ) AS each
    ) AS state
) AS past ON pair.seen IS NOT NULL AND sku.sku_id IS NOT NULL AND location.location_id IS NOT NULL
    AND coalesce(here.quantity, 0) <> pair.given
ORDER BY pair.position

-- name: read_moves
-- What moved at all levels of SKUs after one revision and before another, in order: of each level the first `$4` rows.
-- $1 sku_ids, $2 and $3 the revisions, $4 how many rows a level.
SELECT since.*, coalesce(lot.code, '') AS lot, lot.expires_on
FROM unnest($1::bigint[]) AS named (sku_id)
CROSS JOIN LATERAL (SELECT sku_id, location_id FROM level WHERE sku_id = named.sku_id AND revision > $2 OFFSET 0) AS level
CROSS JOIN LATERAL (
    SELECT revision, ordinal, sku_id, location_id, kind, on_hand_after, held_after, allocated_after,
        quality_control_after, damaged_after, quarantined_after, backordered_after, lot_id,
        on_hand_delta - held_delta - allocated_delta - quality_control_delta - damaged_delta - quarantined_delta
            AS lot_delta
    FROM movement
    WHERE movement.sku_id = level.sku_id AND movement.location_id = level.location_id AND movement.revision > $2
        AND movement.revision < $3
    ORDER BY movement.revision, movement.ordinal LIMIT $4
) AS since
LEFT JOIN LATERAL (SELECT code, expires_on FROM lot WHERE lot_id = since.lot_id OFFSET 0) AS lot ON true
ORDER BY since.revision, since.ordinal

-- name: read_settings_changes
-- The first revisions after one and up to another that changed what decides how much a channel may sell of some SKUs: a
-- place, the channel, one of the SKUs. $1 the channel, $2 sku_ids, $3 and $4 the revisions, $5 how many.
(SELECT revision FROM location_version WHERE revision > $3 AND revision <= $4 ORDER BY revision LIMIT $5)
UNION
(SELECT revision FROM channel_version WHERE channel_id = $1 AND revision > $3 AND revision <= $4
ORDER BY revision LIMIT $5)
UNION
SELECT version.revision
FROM unnest($2::bigint[]) AS named (sku_id)
CROSS JOIN LATERAL (
    SELECT revision FROM sku_version
    WHERE sku_version.sku_id = named.sku_id AND revision > $3 AND revision <= $4 ORDER BY revision LIMIT $5
) AS version
ORDER BY revision
LIMIT $5

-- name: read_due_holds
-- Of SKUs' levels: what is held, or waits for goods, by holds that have run out and aren't ended yet. $1 sku_ids.
SELECT line.sku_id, line.location_id, coalesce(lot.code, '') AS lot, sum(line.held)::bigint AS held,
    sum(line.backordered)::bigint AS backordered
FROM unnest($1::bigint[]) AS named (sku_id)
CROSS JOIN LATERAL (SELECT sku_id, location_id FROM level WHERE sku_id = named.sku_id OFFSET 0) AS level
CROSS JOIN LATERAL (
    SELECT * FROM reservation_line
    WHERE reservation_line.sku_id = level.sku_id AND reservation_line.location_id = level.location_id
        AND expires_at <= clock_timestamp() AND (held > 0 OR backordered > 0) OFFSET 0
) AS line
LEFT JOIN LATERAL (SELECT code FROM lot WHERE lot_id = line.lot_id OFFSET 0) AS lot ON true
GROUP BY 1, 2, 3

-- name: open_reconciliation
-- Begins one. $1 its id, $2 channel, $3 kind, $4 reference.
INSERT INTO reconciliation (reconciliation_id, channel_id, kind, reference) VALUES ($1, $2, $3, $4)
RETURNING reconciliation_id

-- name: append_reconciliation
-- Adds the answers to one message. $1 the id; $2 to $7 how many there are of each answer so far, and with changed
-- settings; $8 the revision compared with; $9 answers to keep. No row: it is not open.
WITH open AS (
    UPDATE reconciliation SET heard_at = now(), equal = $2, behind = $3, drift = $4, unknown = $5, missing = $6,
        settings_changed = $7, revision = $8, kept = kept + cardinality($9::judged_row[])
    WHERE reconciliation_id = $1 AND state = 1
    RETURNING reconciliation_id
), rows AS (
    INSERT INTO reconciliation_row (reconciliation_id, number, position, sku, location, answer, given, present, was,
        differs_since, settings_changed)
    SELECT open.reconciliation_id, judged.number, judged.position, judged.sku, judged.location, judged.answer,
        judged.given, judged.present, judged.was, judged.differs_since, judged.settings_changed
    FROM open, unnest($9) AS judged
)
SELECT reconciliation_id FROM open

-- name: end_reconciliation
-- Ends one that is open. $1 the id, $2 the state after. Gives what came of it.
UPDATE reconciliation SET state = $2::smallint, ended_at = now() WHERE reconciliation_id = $1 AND state = 1
RETURNING reconciliation_id, channel_id, equal, behind, drift, unknown, missing, settings_changed

-- name: list_reconciliations
-- Reconciliations of a channel, newest first. $1 channel; $2 the last page's last id or null; $3 a kind or null; $4 an
-- id or null; $5 how many.
SELECT reconciliation.*, channel.code AS channel
FROM reconciliation JOIN channel ON channel.channel_id = reconciliation.channel_id
WHERE reconciliation.channel_id = $1 AND ($2::uuid IS NULL OR reconciliation_id < $2)
    AND ($3::smallint IS NULL OR reconciliation.kind = $3) AND ($4::uuid IS NULL OR reconciliation_id = $4)
ORDER BY reconciliation_id DESC
LIMIT $5

-- name: list_reconciliation_rows
-- The kept answers of a reconciliation, in order. $1 its id, $2 the last page's last number, $3 an answer or null, $4 how
-- many.
SELECT * FROM reconciliation_row
WHERE reconciliation_id = $1 AND number > $2 AND ($3::smallint IS NULL OR answer = $3)
ORDER BY number
LIMIT $4

-- name: abandon_reconciliations
-- Ends those whose server was lost. $1 after how long without a message. Gives what came of each.
UPDATE reconciliation SET state = 3, ended_at = now() WHERE state = 1 AND heard_at < now() - $1::interval
RETURNING reconciliation_id, channel_id, equal, behind, drift, unknown, missing, settings_changed

-- name: forget_reconciliations
-- Drops old ones: answers first, so many at once, and those that have none any more. $1 how old, $2 how many answers.
WITH old AS MATERIALIZED (
    SELECT reconciliation_id FROM reconciliation WHERE begun_at < now() - $1::interval ORDER BY begun_at LIMIT $2
), few AS MATERIALIZED (
    SELECT row.reconciliation_id, row.number
    FROM old CROSS JOIN LATERAL (
        SELECT reconciliation_id, number FROM reconciliation_row WHERE reconciliation_id = old.reconciliation_id OFFSET 0
    ) AS row
    LIMIT $2
), rows AS (
    DELETE FROM reconciliation_row USING few
    WHERE reconciliation_row.reconciliation_id = few.reconciliation_id AND reconciliation_row.number = few.number
    RETURNING 1
), bare AS (
    DELETE FROM reconciliation USING old
    WHERE reconciliation.reconciliation_id = old.reconciliation_id AND NOT EXISTS (
        SELECT FROM reconciliation_row AS row WHERE row.reconciliation_id = old.reconciliation_id
    )
    RETURNING 1
)
SELECT (SELECT count(*) FROM rows) AS rows, (SELECT count(*) FROM bare) AS reconciliations
