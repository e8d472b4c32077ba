-- The audit trail: one entry for each change and each refused one, in batches whose hashes are a chain. The chain's end
-- stands in feed_head: whoever makes a batch has its lock.
ALTER TABLE feed_head
    ADD COLUMN audited bigint NOT NULL DEFAULT 0,
    ADD COLUMN chain bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex');

-- `base`: the revision before the batch's first. chain = sha256(the chain before || batch || base || content).
CREATE TABLE audit_batch (
    batch bigint PRIMARY KEY,
    base bigint NOT NULL,
    content bytea NOT NULL,
    chain bytea NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX audit_batch_by_time ON audit_batch USING brin (recorded_at);

-- `step`: the change's revision is its batch's base and this; null: nothing changed. `code`: 0 or why it was refused, a
-- gRPC status code.
CREATE TABLE audit_entry (
    batch bigint NOT NULL,
    ordinal integer NOT NULL,
    step integer,
    channel_id integer NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    operator text NOT NULL,
    peer text NOT NULL,
    action text NOT NULL,
    request_id uuid,
    code smallint NOT NULL,
    detail text,
    PRIMARY KEY (batch, ordinal)
);
CREATE TYPE audit_row AS (
    ordinal integer, step integer, channel_id integer, key_id text, operator text, peer text, action text,
    request_id uuid, code smallint, detail text
);
CREATE TRIGGER audit_batch_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_batch
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entry_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- All versions after one revision up to and with another, as rows of text; null: there are none. What a session's settings
-- would change of the text is set. What was hashed stays as it is: of a column that a table gets later, only values that
-- are not its default may be added to the text.
CREATE FUNCTION audit_versions(base bigint, last bigint) RETURNS text
LANGUAGE sql STABLE STRICT
SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET extra_float_digits = 1
AS $$
    SELECT string_agg(kind || ' ' || line, E'\n' ORDER BY kind COLLATE "C", line COLLATE "C")
    FROM (
        SELECT 'alarm' AS kind, ROW (
            revision, alarm_id, event, kind, subject, severity, summary, details, opened_at, last_seen_at, closed_at,
            acknowledged_at, acknowledged_by, note, recorded_at
        )::text AS line
        FROM alarm_version WHERE revision > base AND revision <= last
        UNION ALL
        SELECT 'channel', ROW (
            revision, channel_id, name, kind, location_ids, buffer, cap, share_bp, oversell_limit, min_life_days,
            by_channel_id, recorded_at, silent_after, stop_selling_when_silent, selling_stopped
        )::text
        FROM channel_version WHERE revision > base AND revision <= last
        UNION ALL
        SELECT 'channel sku', ROW (
            revision, channel_id, sku_id, buffer, cap, share_bp, oversell_limit, by_channel_id, recorded_at
        )::text
        FROM channel_sku_version WHERE revision > base AND revision <= last
        UNION ALL
        SELECT 'location', ROW (
            revision, location_id, name, kind, active, channel_id, recorded_at, address, latitude, longitude, priority,
            handling, cutoff_minute, working_days, closed_on, time_zone, uses, transit_days
        )::text
        FROM location_version WHERE revision > base AND revision <= last
        UNION ALL
        SELECT 'sku', ROW (
            revision, sku_id, name, category, unit, unit_digits, barcodes, active, attributes, channel_id, recorded_at,
            kind, tracking, oversell_limit, preorder_until, preorder_limit, from_several_places, units, components
        )::text
        FROM sku_version WHERE revision > base AND revision <= last
        UNION ALL
        SELECT 'subscriber', ROW (
            revision, channel_id, name, acknowledged, acknowledged_at, registered_at, deadline, lag_changes_max, lag_max,
            state, lag_changes, lag, recorded_at
        )::text
        FROM subscriber_version WHERE revision > base AND revision <= last
    ) AS version
$$;

-- What a batch's `content` is the SHA-256 of: its time, its entries, its movements and its versions as rows of text.
-- `movement_row` and `audit_row` are part of what is hashed: whoever changes them makes new types and a new function
-- beside this one. A batch of stock has no versions.
CREATE FUNCTION audit_content(
    recorded_at timestamptz, entries audit_row[], movements movement_row[], versions text DEFAULT NULL
) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(concat_ws(
        E'\n',
        extract(epoch FROM recorded_at)::text,
        (SELECT string_agg(entry::text, E'\n' ORDER BY entry.ordinal) FROM unnest(entries) AS entry),
        (SELECT string_agg(new::text, E'\n' ORDER BY new.step, new.ordinal) FROM unnest(movements) AS new),
        versions
    ), 'UTF8'))
$$;

-- A subscriber as it was before.
CREATE INDEX subscriber_version_by_subscriber ON subscriber_version (channel_id, name, revision);

-- The ledger and the audit trail name SKUs, locations and channels by numbers. Whose code could be changed, or who could
-- be taken away and made anew under the same number, would stand there for somebody else: so codes stay.
CREATE FUNCTION refuse_renaming() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% keeps its code', tg_table_name USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER sku_keeps_its_code BEFORE UPDATE ON sku
    FOR EACH ROW WHEN (old.code <> new.code OR old.sku_id <> new.sku_id) EXECUTE FUNCTION refuse_renaming();
CREATE TRIGGER location_keeps_its_code BEFORE UPDATE ON location
    FOR EACH ROW WHEN (old.code <> new.code OR old.location_id <> new.location_id) EXECUTE FUNCTION refuse_renaming();
CREATE TRIGGER channel_keeps_its_code BEFORE UPDATE ON channel
    FOR EACH ROW WHEN (old.code <> new.code OR old.channel_id <> new.channel_id) EXECUTE FUNCTION refuse_renaming();
CREATE TRIGGER channel_stays BEFORE DELETE ON channel FOR EACH ROW EXECUTE FUNCTION refuse_renaming();
