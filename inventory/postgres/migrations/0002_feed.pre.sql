-- Who follows the feed by name. The feed is kept for those who are within their deadline.
CREATE TABLE subscriber (
    channel_id integer NOT NULL REFERENCES channel,
    name text COLLATE "C" NOT NULL,
    acknowledged bigint NOT NULL,
    acknowledged_at timestamptz NOT NULL,
    registered_at timestamptz NOT NULL,
    deadline interval NOT NULL,
    lag_changes_max bigint,
    lag_max interval,
    state smallint NOT NULL,
    PRIMARY KEY (channel_id, name),
    CONSTRAINT subscriber_acknowledged_not_negative CHECK (acknowledged >= 0),
    CONSTRAINT subscriber_state_is_known CHECK (state BETWEEN 1 AND 3)
) WITH (fillfactor = 70);

-- The subscribers' part of the feed: each as it was when its state changed. Append-only.
CREATE TABLE subscriber_version (
    revision bigint PRIMARY KEY,
    channel_id integer NOT NULL,
    name text NOT NULL,
    acknowledged bigint NOT NULL,
    acknowledged_at timestamptz NOT NULL,
    registered_at timestamptz NOT NULL,
    deadline interval NOT NULL,
    lag_changes_max bigint,
    lag_max interval,
    state smallint NOT NULL,
    lag_changes bigint NOT NULL,
    lag interval NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE TRIGGER subscriber_version_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON subscriber_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a write locks, with the SKU's category, by which its movements are filtered.
CREATE TYPE locked_place AS (
    sku_id bigint, location_id integer, sku text, location text, sku_active boolean, location_active boolean,
    category text, on_hand bigint, held bigint, allocated bigint, quality_control bigint, damaged bigint,
    quarantined bigint, safety_stock bigint, reorder_point bigint, backorder_limit bigint
);

-- A SKU or location as it was at a revision: for snapshots, and for the category a ledger row belongs to.
CREATE INDEX sku_version_by_sku ON sku_version (sku_id, revision);
CREATE INDEX sku_version_by_category ON sku_version (category, sku_id);
CREATE INDEX location_version_by_location ON location_version (location_id, revision);
