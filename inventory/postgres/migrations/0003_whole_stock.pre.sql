-- The revision that last changed places or channels' settings: whoever has them in memory proves by it that they are
-- the present ones.
ALTER TABLE feed_head ADD COLUMN topology bigint NOT NULL DEFAULT 0;

-- What a SKU is. An unset limit differs from 0; 10^12 means without end. `components` and `units` stand here as the API
-- gave them; bundle_component is what is looked up.
ALTER TABLE sku
    ADD COLUMN kind smallint NOT NULL DEFAULT 1,
    ADD COLUMN tracking smallint NOT NULL DEFAULT 0,
    ADD COLUMN oversell_limit bigint,
    ADD COLUMN preorder_until date,
    ADD COLUMN preorder_limit bigint,
    ADD COLUMN from_several_places boolean NOT NULL DEFAULT false,
    ADD COLUMN units jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN components jsonb NOT NULL DEFAULT '[]',
    ADD CONSTRAINT sku_kind_is_known CHECK (kind BETWEEN 1 AND 4),
    ADD CONSTRAINT sku_tracking_is_known CHECK (tracking BETWEEN 0 AND 2),
    ADD CONSTRAINT sku_only_goods_are_tracked CHECK (tracking = 0 OR kind = 1),
    ADD CONSTRAINT sku_limits_not_negative CHECK (coalesce(oversell_limit, 0) >= 0 AND coalesce(preorder_limit, 0) >= 0),
    ADD CONSTRAINT sku_preorder_is_whole CHECK ((preorder_until IS NULL) = (preorder_limit IS NULL));
ALTER TABLE sku_version
    ADD COLUMN kind smallint NOT NULL DEFAULT 1,
    ADD COLUMN tracking smallint NOT NULL DEFAULT 0,
    ADD COLUMN oversell_limit bigint,
    ADD COLUMN preorder_until date,
    ADD COLUMN preorder_limit bigint,
    ADD COLUMN from_several_places boolean NOT NULL DEFAULT false,
    ADD COLUMN units jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN components jsonb NOT NULL DEFAULT '[]';

CREATE TABLE bundle_component (
    bundle_sku_id bigint NOT NULL REFERENCES sku,
    sku_id bigint NOT NULL REFERENCES sku,
    quantity bigint NOT NULL,
    PRIMARY KEY (bundle_sku_id, sku_id),
    CONSTRAINT bundle_component_quantity_positive CHECK (quantity > 0),
    CONSTRAINT bundle_component_is_another CHECK (sku_id <> bundle_sku_id)
);
CREATE INDEX bundle_component_by_component ON bundle_component (sku_id);

-- What a bundle is made of in the end: bundles in it, which are nested one level, are taken apart.
CREATE VIEW bundle_leaf AS
SELECT outside.bundle_sku_id, coalesce(inside.sku_id, outside.sku_id) AS sku_id,
    sum(outside.quantity * coalesce(inside.quantity, 1))::bigint AS quantity
FROM bundle_component AS outside
LEFT JOIN bundle_component AS inside ON inside.bundle_sku_id = outside.sku_id
GROUP BY 1, 2;

ALTER TABLE location
    ADD COLUMN address jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN latitude double precision,
    ADD COLUMN longitude double precision,
    ADD COLUMN priority integer NOT NULL DEFAULT 100,
    ADD COLUMN handling interval NOT NULL DEFAULT '0',
    ADD COLUMN cutoff_minute smallint,
    ADD COLUMN working_days smallint NOT NULL DEFAULT 127,
    ADD COLUMN closed_on date[] NOT NULL DEFAULT '{}',
    ADD COLUMN time_zone text NOT NULL DEFAULT 'UTC',
    ADD COLUMN uses smallint NOT NULL DEFAULT 7,
    ADD COLUMN transit_days integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT location_point_is_whole CHECK ((latitude IS NULL) = (longitude IS NULL)),
    ADD CONSTRAINT location_point_is_on_earth CHECK (
        coalesce(latitude, 0) BETWEEN -90 AND 90 AND coalesce(longitude, 0) BETWEEN -180 AND 180
    ),
    ADD CONSTRAINT location_times_in_range CHECK (
        coalesce(cutoff_minute, 0) BETWEEN 0 AND 1439 AND working_days BETWEEN 0 AND 127 AND uses BETWEEN 0 AND 7
        AND transit_days >= 0 AND handling >= '0'
    );
ALTER TABLE location_version
    ADD COLUMN address jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN latitude double precision,
    ADD COLUMN longitude double precision,
    ADD COLUMN priority integer NOT NULL DEFAULT 100,
    ADD COLUMN handling interval NOT NULL DEFAULT '0',
    ADD COLUMN cutoff_minute smallint,
    ADD COLUMN working_days smallint NOT NULL DEFAULT 127,
    ADD COLUMN closed_on date[] NOT NULL DEFAULT '{}',
    ADD COLUMN time_zone text NOT NULL DEFAULT 'UTC',
    ADD COLUMN uses smallint NOT NULL DEFAULT 7,
    ADD COLUMN transit_days integer NOT NULL DEFAULT 0;

-- A channel's settings; `revision` 0: none were ever set. location_ids in the channel's order, empty: everywhere.
ALTER TABLE channel
    ADD COLUMN name text NOT NULL DEFAULT '',
    ADD COLUMN kind smallint NOT NULL DEFAULT 1,
    ADD COLUMN location_ids integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN buffer bigint,
    ADD COLUMN cap bigint,
    ADD COLUMN share_bp integer,
    ADD COLUMN oversell_limit bigint,
    ADD COLUMN min_life_days integer NOT NULL DEFAULT 0,
    ADD COLUMN revision bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT channel_kind_is_known CHECK (kind BETWEEN 1 AND 4),
    ADD CONSTRAINT channel_view_not_negative CHECK (
        coalesce(buffer, 0) >= 0 AND coalesce(cap, 0) >= 0 AND coalesce(share_bp, 0) BETWEEN 0 AND 10000
        AND coalesce(oversell_limit, 0) >= 0 AND min_life_days >= 0
    );
-- Codes of locations, in the order of their numbers' list.
CREATE FUNCTION location_codes(location_ids integer[]) RETURNS text[] STABLE LANGUAGE sql RETURN ARRAY(
    SELECT location.code
    FROM unnest(location_ids) WITH ORDINALITY AS named (location_id, place)
    CROSS JOIN LATERAL (SELECT code FROM location WHERE location.location_id = named.location_id OFFSET 0) AS location
    ORDER BY named.place
);
-- Where one SKU's view differs from its channel's. Unset: the channel's.
CREATE TABLE channel_sku (
    channel_id integer NOT NULL REFERENCES channel,
    sku_id bigint NOT NULL REFERENCES sku,
    buffer bigint,
    cap bigint,
    share_bp integer,
    oversell_limit bigint,
    PRIMARY KEY (channel_id, sku_id),
    CONSTRAINT channel_sku_view_not_negative CHECK (
        coalesce(buffer, 0) >= 0 AND coalesce(cap, 0) >= 0 AND coalesce(share_bp, 0) BETWEEN 0 AND 10000
        AND coalesce(oversell_limit, 0) >= 0
    )
);
CREATE TABLE channel_version (
    revision bigint NOT NULL,
    channel_id integer NOT NULL,
    name text NOT NULL,
    kind smallint NOT NULL,
    location_ids integer[] NOT NULL,
    buffer bigint,
    cap bigint,
    share_bp integer,
    oversell_limit bigint,
    min_life_days integer NOT NULL,
    by_channel_id integer NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (revision, channel_id)
);
CREATE INDEX channel_version_by_channel ON channel_version (channel_id, revision);
-- All null: the SKU has the channel's view again. Of each revision here there is a channel_version too.
CREATE TABLE channel_sku_version (
    revision bigint NOT NULL,
    channel_id integer NOT NULL,
    sku_id bigint NOT NULL,
    buffer bigint,
    cap bigint,
    share_bp integer,
    oversell_limit bigint,
    by_channel_id integer NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (revision, channel_id, sku_id)
);
CREATE INDEX channel_sku_version_by_sku ON channel_sku_version (channel_id, sku_id, revision);
CREATE TRIGGER channel_version_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON channel_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER channel_sku_version_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON channel_sku_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- backordered: promised beyond the shelf. in_transit: shipped to here, not yet received. incoming: expected by date.
ALTER TABLE level
    ADD COLUMN backordered bigint NOT NULL DEFAULT 0,
    ADD COLUMN in_transit bigint NOT NULL DEFAULT 0,
    ADD COLUMN incoming bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT level_promises_are_covered,
    ADD CONSTRAINT level_promises_are_covered CHECK (
        held + allocated + quality_control + damaged + quarantined <= on_hand
    ),
    ADD CONSTRAINT level_backordered_within_limit CHECK (
        backordered >= 0 AND backordered <= coalesce(backorder_limit, backordered)
    ),
    ADD CONSTRAINT level_expected_not_negative CHECK (in_transit >= 0 AND incoming >= 0);
CREATE INDEX level_backordered ON level (sku_id, location_id) WHERE backordered > 0;

ALTER TABLE movement
    ADD COLUMN backordered_delta bigint NOT NULL DEFAULT 0,
    ADD COLUMN in_transit_delta bigint NOT NULL DEFAULT 0,
    ADD COLUMN incoming_delta bigint NOT NULL DEFAULT 0,
    ADD COLUMN backordered_after bigint NOT NULL DEFAULT 0,
    ADD COLUMN in_transit_after bigint NOT NULL DEFAULT 0,
    ADD COLUMN incoming_after bigint NOT NULL DEFAULT 0,
    ADD COLUMN lot_id bigint;

-- Goods expected at a place. level.incoming is their sum.
CREATE TABLE incoming (
    sku_id bigint NOT NULL,
    location_id integer NOT NULL,
    reference text COLLATE "C" NOT NULL,
    due_on date NOT NULL,
    quantity bigint NOT NULL,
    PRIMARY KEY (sku_id, location_id, reference),
    CONSTRAINT incoming_quantity_positive CHECK (quantity > 0)
);

-- Lots, and what of a level is of which lot. Guarded by the level's lock. Not `known`: made for a receipt that was
-- refused, so that its last day is still open. lot_level.expires_on is the lot's, for the index.
CREATE TABLE lot (
    lot_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku_id bigint NOT NULL REFERENCES sku,
    code text COLLATE "C" NOT NULL,
    expires_on date,
    known boolean NOT NULL DEFAULT false,
    CONSTRAINT lot_code_is_unique UNIQUE (sku_id, code)
);
CREATE TABLE lot_level (
    sku_id bigint NOT NULL,
    location_id integer NOT NULL,
    lot_id bigint NOT NULL REFERENCES lot,
    on_hand bigint NOT NULL,
    held bigint NOT NULL,
    allocated bigint NOT NULL,
    quality_control bigint NOT NULL,
    damaged bigint NOT NULL,
    quarantined bigint NOT NULL,
    expires_on date,
    PRIMARY KEY (sku_id, location_id, lot_id),
    CONSTRAINT lot_level_not_negative CHECK (
        on_hand >= 0 AND held >= 0 AND allocated >= 0 AND quality_control >= 0 AND damaged >= 0 AND quarantined >= 0
    ),
    CONSTRAINT lot_level_promises_are_covered CHECK (
        held + allocated + quality_control + damaged + quarantined <= on_hand
    )
) WITH (fillfactor = 70);
CREATE INDEX lot_level_by_expiry ON lot_level (expires_on) WHERE on_hand > 0 AND expires_on IS NOT NULL;

-- Each piece at most once. Guarded by the lock of the level it stands at, and proved by the key. `revision`: its last
-- change. location_id: where it is, or where it left; line_no: which line of the reservation it belongs to.
-- state: 1 in stock, 2 promised, 3 issued, 4 on the way between places, 5 lost.
CREATE TABLE serial (
    sku_id bigint NOT NULL REFERENCES sku,
    serial text COLLATE "C" NOT NULL,
    state smallint NOT NULL,
    location_id integer,
    disposition smallint NOT NULL DEFAULT 1,
    reservation_id uuid,
    line_no smallint NOT NULL DEFAULT 0,
    revision bigint NOT NULL,
    PRIMARY KEY (sku_id, serial),
    CONSTRAINT serial_state_is_known CHECK (state BETWEEN 1 AND 5),
    CONSTRAINT serial_in_stock_is_somewhere CHECK (state > 2 OR location_id IS NOT NULL),
    CONSTRAINT serial_promised_is_promised_to_one CHECK (state <> 2 OR reservation_id IS NOT NULL)
);
CREATE INDEX serial_by_place ON serial (sku_id, location_id) WHERE state <= 2;
CREATE INDEX serial_by_reservation ON serial (reservation_id) WHERE reservation_id IS NOT NULL;
CREATE TABLE serial_event (
    sku_id bigint NOT NULL,
    serial text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    state smallint NOT NULL,
    location_id integer,
    disposition smallint NOT NULL,
    reservation_id uuid,
    reference text,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (sku_id, serial, revision)
);
CREATE TYPE serial_row AS (
    sku_id bigint, serial text, seen bigint, step integer, state smallint, location_id integer, disposition smallint,
    reservation_id uuid, line_no smallint, reference text, last boolean
);
CREATE TRIGGER serial_event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON serial_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Transfers in two phases. state: 1 planned, 2 shipped, 3 received, 4 cancelled. Locked before any level.
CREATE TABLE transfer (
    transfer_id uuid PRIMARY KEY,
    channel_id integer NOT NULL,
    from_location_id integer NOT NULL REFERENCES location,
    to_location_id integer NOT NULL REFERENCES location,
    state smallint NOT NULL,
    reservation_id uuid,
    reference text NOT NULL,
    reason text NOT NULL,
    created_at timestamptz NOT NULL,
    shipped_at timestamptz,
    ended_at timestamptz,
    expected_on date,
    CONSTRAINT transfer_state_is_known CHECK (state BETWEEN 1 AND 4),
    CONSTRAINT transfer_goes_elsewhere CHECK (from_location_id <> to_location_id),
    CONSTRAINT transfer_shipped_has_a_time CHECK (state <> 2 OR shipped_at IS NOT NULL)
);
CREATE INDEX transfer_by_reservation ON transfer (reservation_id) WHERE reservation_id IS NOT NULL;
CREATE INDEX transfer_open ON transfer (to_location_id, transfer_id) WHERE state <= 2;
CREATE TABLE transfer_line (
    transfer_id uuid NOT NULL REFERENCES transfer,
    line_no smallint NOT NULL,
    sku_id bigint NOT NULL,
    lot_id bigint NOT NULL,
    requested bigint NOT NULL,
    shipped bigint NOT NULL,
    received bigint NOT NULL,
    missing bigint NOT NULL,
    difference_reason text NOT NULL,
    serials text[] NOT NULL,
    PRIMARY KEY (transfer_id, line_no),
    CONSTRAINT transfer_line_adds_up CHECK (
        requested > 0 AND shipped >= 0 AND received >= 0 AND missing >= 0 AND shipped <= requested
        AND received + missing <= shipped
    )
);

-- Stock-taking while selling goes on. state: 1 open, 2 posted, 3 cancelled. Locked before any level. A line's on_hand is
-- what it was at at_revision: counted - on_hand is what posting adds.
CREATE TABLE stock_count (
    count_id uuid PRIMARY KEY,
    channel_id integer NOT NULL,
    location_id integer NOT NULL REFERENCES location,
    category text NOT NULL,
    state smallint NOT NULL,
    reference text NOT NULL,
    reason text NOT NULL,
    version integer NOT NULL,
    lines integer NOT NULL,
    opened_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT stock_count_state_is_known CHECK (state BETWEEN 1 AND 3),
    CONSTRAINT stock_count_ended_has_a_time CHECK ((state = 1) = (ended_at IS NULL))
);
CREATE INDEX stock_count_open ON stock_count (location_id, count_id) WHERE state = 1;
CREATE TABLE stock_count_line (
    count_id uuid NOT NULL REFERENCES stock_count,
    sku_id bigint NOT NULL,
    lot_id bigint NOT NULL,
    counted bigint NOT NULL,
    on_hand bigint NOT NULL,
    at_revision bigint NOT NULL,
    PRIMARY KEY (count_id, sku_id, lot_id),
    CONSTRAINT stock_count_line_not_negative CHECK (counted >= 0 AND on_hand >= 0)
);
CREATE TYPE stock_count_row AS (
    count_id uuid, channel_id integer, location_id integer, category text, state smallint, version integer,
    lines integer, reference text, reason text, opened_at timestamptz, ended_at timestamptz
);
CREATE TYPE stock_count_line_row AS (
    count_id uuid, sku_id bigint, lot_id bigint, counted bigint, on_hand bigint, at_revision bigint
);

ALTER TABLE reservation
    ADD COLUMN purpose smallint NOT NULL DEFAULT 1,
    ADD COLUMN pickup_location_id integer,
    ADD COLUMN ready_at timestamptz;

-- A line is what one place, lot and bundle give to one line of the request, ask_no. accepted_revision: since when it
-- waits for goods, in which order back-orders are filled.
ALTER TABLE reservation_line
    ADD COLUMN backordered bigint NOT NULL DEFAULT 0,
    ADD COLUMN lot_id bigint NOT NULL DEFAULT 0,
    ADD COLUMN ask_no smallint NOT NULL DEFAULT 0,
    ADD COLUMN bundle_sku_id bigint NOT NULL DEFAULT 0,
    ADD COLUMN bundle_quantity bigint NOT NULL DEFAULT 0,
    ADD COLUMN accepted_revision bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT reservation_line_not_negative,
    DROP CONSTRAINT reservation_line_within_requested,
    ADD CONSTRAINT reservation_line_not_negative CHECK (
        requested >= 0 AND held >= 0 AND allocated >= 0 AND backordered >= 0 AND fulfilled >= 0 AND released >= 0
    ),
    ADD CONSTRAINT reservation_line_within_requested CHECK (
        held + allocated + backordered + fulfilled + released <= requested
    );
-- Holds by level, soonest expiry first, also those that wait for goods; a line's expires_at is set only while it is held.
DROP INDEX reservation_line_held;
CREATE INDEX reservation_line_held ON reservation_line (sku_id, location_id, expires_at)
    WHERE held > 0 OR backordered > 0;
-- Who stands behind what is allocated.
CREATE INDEX reservation_line_allocated ON reservation_line (sku_id, location_id) WHERE allocated > 0;
CREATE INDEX reservation_line_backordered ON reservation_line
    (sku_id, location_id, accepted_revision, reservation_id, line_no) WHERE backordered > 0;

DROP TYPE locked_level, locked_place, level_row, movement_row, reservation_row, reservation_line_row, sku_row, location_row;
CREATE TYPE level_key AS (sku_id bigint, location_id integer);
CREATE TYPE spread_row AS (sku text, location_ids text);
CREATE TYPE level_row AS (
    sku_id bigint, location_id integer, step integer, on_hand bigint, held bigint, allocated bigint,
    quality_control bigint, damaged bigint, quarantined bigint, backordered bigint, in_transit bigint, incoming bigint,
    safety_stock bigint, reorder_point bigint, backorder_limit bigint
);
CREATE TYPE movement_row AS (
    step integer, ordinal integer, sku_id bigint, location_id integer, kind smallint, on_hand_delta bigint,
    held_delta bigint, allocated_delta bigint, quality_control_delta bigint, damaged_delta bigint,
    quarantined_delta bigint, backordered_delta bigint, in_transit_delta bigint, incoming_delta bigint,
    on_hand_after bigint, held_after bigint, allocated_after bigint, quality_control_after bigint,
    damaged_after bigint, quarantined_after bigint, backordered_after bigint, in_transit_after bigint,
    incoming_after bigint, channel_id integer, reservation_id uuid, reason text, reference text, lot_id bigint
);
CREATE TYPE reservation_row AS (
    reservation_id uuid, channel_id integer, owner text, reference text, state smallint, expires_at timestamptz,
    created_at timestamptz, purpose smallint, pickup_location_id integer, ready_at timestamptz
);
CREATE TYPE reservation_line_row AS (
    reservation_id uuid, line_no smallint, sku_id bigint, location_id integer, requested bigint, held bigint,
    allocated bigint, backordered bigint, fulfilled bigint, released bigint, ask_no smallint, lot_id bigint,
    bundle_sku_id bigint, bundle_quantity bigint, accepted_revision bigint, expires_at timestamptz
);
CREATE TYPE lot_level_row AS (
    sku_id bigint, location_id integer, lot_id bigint, on_hand bigint, held bigint, allocated bigint,
    quality_control bigint, damaged bigint, quarantined bigint
);
CREATE TYPE locked_place AS (
    sku_id bigint, location_id integer, sku text, location text, sku_active boolean, location_active boolean,
    category text, kind smallint, tracking smallint, oversell_limit bigint, on_hand bigint, held bigint,
    allocated bigint, quality_control bigint, damaged bigint, quarantined bigint, backordered bigint,
    in_transit bigint, incoming bigint, safety_stock bigint, reorder_point bigint, backorder_limit bigint
);
CREATE TYPE wanted_goods AS (
    sku_id bigint, sku text, active boolean, category text, kind smallint, tracking smallint, oversell_limit bigint,
    from_several_places boolean, leaf_ids bigint[], leaf_codes text[], leaf_quantities bigint[]
);
CREATE TYPE sku_row AS (
    code text, name text, category text, unit text, unit_digits smallint, barcodes text[], active boolean,
    attributes text, kind smallint, tracking smallint, oversell_limit bigint, preorder_until date,
    preorder_limit bigint, from_several_places boolean, units text, components text
);
CREATE TYPE location_row AS (
    code text, name text, kind smallint, active boolean, address text, latitude double precision,
    longitude double precision, priority integer, handling interval, cutoff_minute smallint, working_days smallint,
    closed_on date[], time_zone text, uses smallint, transit_days integer
);
CREATE TYPE transfer_row AS (
    transfer_id uuid, channel_id integer, from_location_id integer, to_location_id integer, state smallint,
    reservation_id uuid, reference text, reason text, created_at timestamptz, shipped_at timestamptz,
    ended_at timestamptz, expected_on date
);
CREATE TYPE transfer_line_row AS (
    transfer_id uuid, line_no smallint, sku_id bigint, lot_id bigint, requested bigint, shipped bigint, received bigint,
    missing bigint, difference_reason text, serials text[]
);
