-- Everything of one retailer lives in the one schema that search_path names; nothing here names a schema.

-- The one total order of changes. Its row is locked last in every write, so revision order is commit order.
CREATE TABLE feed_head (
    singleton boolean PRIMARY KEY DEFAULT true,
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    revision bigint NOT NULL DEFAULT 0,
    compacted bigint NOT NULL DEFAULT 0,
    CONSTRAINT feed_head_is_one_row CHECK (singleton),
    CONSTRAINT feed_head_compacted_is_past CHECK (compacted BETWEEN 0 AND revision)
) WITH (fillfactor = 10);
INSERT INTO feed_head DEFAULT VALUES;

CREATE TABLE channel (
    channel_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text COLLATE "C" NOT NULL,
    CONSTRAINT channel_code_is_unique UNIQUE (code)
);

CREATE TABLE sku (
    sku_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text COLLATE "C" NOT NULL,
    name text NOT NULL,
    category text COLLATE "C" NOT NULL,
    unit text NOT NULL,
    unit_digits smallint NOT NULL,
    barcodes text[] NOT NULL,
    active boolean NOT NULL,
    attributes jsonb NOT NULL,
    revision bigint NOT NULL,
    CONSTRAINT sku_code_is_unique UNIQUE (code),
    CONSTRAINT sku_unit_digits_in_range CHECK (unit_digits BETWEEN 0 AND 6)
);
CREATE INDEX sku_by_category ON sku (category, code) WHERE category <> '';

-- Each barcode belongs to one SKU; sku.barcodes keeps their order.
CREATE TABLE barcode (
    barcode text COLLATE "C" PRIMARY KEY,
    sku_id bigint NOT NULL REFERENCES sku
);
CREATE INDEX barcode_by_sku ON barcode (sku_id);

CREATE TABLE location (
    location_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text COLLATE "C" NOT NULL,
    name text NOT NULL,
    kind smallint NOT NULL,
    active boolean NOT NULL,
    revision bigint NOT NULL,
    CONSTRAINT location_code_is_unique UNIQUE (code),
    CONSTRAINT location_kind_is_known CHECK (kind BETWEEN 1 AND 4)
);

-- The catalogue's part of the feed: each SKU and location as it was after a revision. Append-only.
CREATE TABLE sku_version (
    revision bigint NOT NULL,
    sku_id bigint NOT NULL,
    name text NOT NULL,
    category text NOT NULL,
    unit text NOT NULL,
    unit_digits smallint NOT NULL,
    barcodes text[] NOT NULL,
    active boolean NOT NULL,
    attributes jsonb NOT NULL,
    channel_id integer NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (revision, sku_id)
);
CREATE TABLE location_version (
    revision bigint NOT NULL,
    location_id integer NOT NULL,
    name text NOT NULL,
    kind smallint NOT NULL,
    active boolean NOT NULL,
    channel_id integer NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (revision, location_id)
);

-- The present stock. The room left in each page keeps updates in place (HOT): no index holds a changing column.
CREATE TABLE level (
    sku_id bigint NOT NULL REFERENCES sku,
    location_id integer NOT NULL REFERENCES location,
    on_hand bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0,
    allocated bigint NOT NULL DEFAULT 0,
    quality_control bigint NOT NULL DEFAULT 0,
    damaged bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0,
    safety_stock bigint,
    reorder_point bigint,
    backorder_limit bigint,
    revision bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (sku_id, location_id),
    CONSTRAINT level_on_hand_not_negative CHECK (on_hand >= 0),
    CONSTRAINT level_held_not_negative CHECK (held >= 0),
    CONSTRAINT level_allocated_not_negative CHECK (allocated >= 0),
    CONSTRAINT level_quality_control_not_negative CHECK (quality_control >= 0),
    CONSTRAINT level_damaged_not_negative CHECK (damaged >= 0),
    CONSTRAINT level_quarantined_not_negative CHECK (quarantined >= 0),
    CONSTRAINT level_unsellable_is_on_the_shelf CHECK (quality_control + damaged + quarantined <= on_hand),
    CONSTRAINT level_promises_are_covered CHECK (
        held + allocated + quality_control + damaged + quarantined <= on_hand + coalesce(backorder_limit, 0)
    ),
    CONSTRAINT level_thresholds_not_negative CHECK (
        coalesce(safety_stock, 0) >= 0 AND coalesce(reorder_point, 0) >= 0 AND coalesce(backorder_limit, 0) >= 0
    )
) WITH (fillfactor = 70);
CREATE INDEX level_by_location ON level (location_id);

-- The ledger: the only thing that ever changes a quantity, with the balances after it. Append-only.
CREATE TABLE movement (
    revision bigint NOT NULL,
    ordinal integer NOT NULL,
    sku_id bigint NOT NULL,
    location_id integer NOT NULL,
    kind smallint NOT NULL,
    on_hand_delta bigint NOT NULL,
    held_delta bigint NOT NULL,
    allocated_delta bigint NOT NULL,
    quality_control_delta bigint NOT NULL,
    damaged_delta bigint NOT NULL,
    quarantined_delta bigint NOT NULL,
    on_hand_after bigint NOT NULL,
    held_after bigint NOT NULL,
    allocated_after bigint NOT NULL,
    quality_control_after bigint NOT NULL,
    damaged_after bigint NOT NULL,
    quarantined_after bigint NOT NULL,
    channel_id integer NOT NULL,
    reservation_id uuid,
    reason text,
    reference text,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (revision, ordinal)
);
CREATE INDEX movement_by_level ON movement (sku_id, location_id, revision);
CREATE INDEX movement_by_reservation ON movement (reservation_id, revision) WHERE reservation_id IS NOT NULL;
CREATE INDEX movement_by_time ON movement USING brin (recorded_at);

CREATE TABLE reservation (
    reservation_id uuid PRIMARY KEY,
    channel_id integer NOT NULL,
    owner text NOT NULL,
    reference text NOT NULL,
    state smallint NOT NULL,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT reservation_state_is_known CHECK (state BETWEEN 1 AND 5),
    CONSTRAINT reservation_held_expires CHECK (state <> 1 OR expires_at IS NOT NULL)
) WITH (fillfactor = 80);
CREATE INDEX reservation_due ON reservation (expires_at) WHERE state = 1;
CREATE INDEX reservation_held_by_owner ON reservation (channel_id, owner) WHERE state = 1 AND owner <> '';
CREATE INDEX reservation_by_owner ON reservation (channel_id, owner, reservation_id) WHERE owner <> '';
CREATE INDEX reservation_by_reference ON reservation (channel_id, reference, reservation_id) WHERE reference <> '';

CREATE TABLE reservation_line (
    reservation_id uuid NOT NULL,
    line_no smallint NOT NULL,
    sku_id bigint NOT NULL,
    location_id integer NOT NULL,
    requested bigint NOT NULL,
    held bigint NOT NULL,
    allocated bigint NOT NULL,
    fulfilled bigint NOT NULL,
    released bigint NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (reservation_id, line_no),
    CONSTRAINT reservation_line_not_negative CHECK (
        requested > 0 AND held >= 0 AND allocated >= 0 AND fulfilled >= 0 AND released >= 0
    ),
    CONSTRAINT reservation_line_within_requested CHECK (held + allocated + fulfilled + released <= requested),
    CONSTRAINT reservation_line_held_expires CHECK (held = 0 OR expires_at IS NOT NULL)
) WITH (fillfactor = 80);
-- Holds by level, soonest expiry first: what has run out but isn't swept yet is found here.
CREATE INDEX reservation_line_held ON reservation_line (sku_id, location_id, expires_at) WHERE held > 0;

-- The answer to every write, by the client's idempotency key. code 0 is success, else a gRPC status code.
CREATE TABLE request (
    channel_id integer NOT NULL,
    request_id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    code smallint NOT NULL,
    answer bytea NOT NULL,
    revision bigint,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (channel_id, request_id)
);
CREATE INDEX request_by_time ON request USING brin (recorded_at);

-- Rows as the engine sends them: one array of rows a table costs both sides half of what an array a column costs. They
-- are types of their own, so that a table can get a column while older servers still write. `step` is a command's place
-- within its batch, from 1; null when it changed nothing.
CREATE TYPE code_pair AS (sku text, location text);
CREATE TYPE request_key AS (channel_id integer, request_id uuid);
CREATE TYPE owner_key AS (channel_id integer, owner text);
CREATE TYPE level_row AS (
    sku_id bigint, location_id integer, step integer, on_hand bigint, held bigint, allocated bigint,
    quality_control bigint, damaged bigint, quarantined bigint, safety_stock bigint, reorder_point bigint,
    backorder_limit bigint
);
CREATE TYPE movement_row AS (
    step integer, ordinal integer, sku_id bigint, location_id integer, kind smallint, on_hand_delta bigint,
    held_delta bigint, allocated_delta bigint, quality_control_delta bigint, damaged_delta bigint,
    quarantined_delta bigint, on_hand_after bigint, held_after bigint, allocated_after bigint,
    quality_control_after bigint, damaged_after bigint, quarantined_after bigint, channel_id integer,
    reservation_id uuid, reason text, reference text
);
CREATE TYPE reservation_row AS (
    reservation_id uuid, channel_id integer, owner text, reference text, state smallint, expires_at timestamptz,
    created_at timestamptz
);
CREATE TYPE reservation_line_row AS (
    reservation_id uuid, line_no smallint, sku_id bigint, location_id integer, requested bigint, held bigint,
    allocated bigint, fulfilled bigint, released bigint, expires_at timestamptz
);
CREATE TYPE request_row AS (
    channel_id integer, request_id uuid, fingerprint bytea, code smallint, answer bytea, step integer
);
CREATE TYPE locked_level AS (
    sku_id bigint, location_id integer, sku text, location text, sku_active boolean, location_active boolean,
    on_hand bigint, held bigint, allocated bigint, quality_control bigint, damaged bigint, quarantined bigint,
    safety_stock bigint, reorder_point bigint, backorder_limit bigint
);
CREATE TYPE remembered_answer AS (
    channel_id integer, request_id uuid, fingerprint bytea, code smallint, answer bytea, revision bigint
);
CREATE TYPE sku_row AS (
    code text, name text, category text, unit text, unit_digits smallint, barcodes text[], active boolean,
    attributes text
);
CREATE TYPE location_row AS (code text, name text, kind smallint, active boolean);
CREATE TYPE barcode_row AS (code text, barcode text);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', tg_table_name USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER movement_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON movement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sku_version_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sku_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER location_version_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON location_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
