-- What each channel may do. A channel without a row may do nothing. Unset limits: the server's own.
CREATE TABLE channel_access (
    channel_id integer PRIMARY KEY REFERENCES channel,
    scopes smallint[] NOT NULL,
    location_ids integer[] NOT NULL DEFAULT '{}',
    categories text[] NOT NULL DEFAULT '{}',
    calls_per_s integer,
    calls_burst integer,
    calls_max integer,
    streams_max integer,
    held_per_sku_max bigint,
    certificate_required boolean NOT NULL DEFAULT false,
    CONSTRAINT channel_access_limits_positive CHECK (
        coalesce(calls_per_s, 1) > 0 AND coalesce(calls_burst, 1) > 0 AND coalesce(calls_max, 1) > 0
        AND coalesce(streams_max, 1) > 0 AND coalesce(held_per_sku_max, 1) > 0
    )
);

-- Whose a line is, so that what a channel holds of a SKU is counted without reading those of all others: they are passed
-- over within the index. An index of its own would cost every hold more. Unset: written by a server that did not know it
-- yet; then its reservation says so.
ALTER TABLE reservation_line ADD COLUMN channel_id integer;
DROP INDEX reservation_line_held;
CREATE INDEX reservation_line_held ON reservation_line (sku_id, location_id, expires_at, channel_id)
    WHERE held > 0 OR backordered > 0;

-- How a channel proves that it is one. Of a token only its SHA-256 is known, of a certificate that of its DER.
CREATE TABLE credential (
    key_id text COLLATE "C" PRIMARY KEY,
    channel_id integer NOT NULL REFERENCES channel,
    kind smallint NOT NULL,
    digest bytea NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    request_id uuid,
    CONSTRAINT credential_digest_is_unique UNIQUE (digest),
    CONSTRAINT credential_digest_is_sha256 CHECK (length(digest) = 32),
    CONSTRAINT credential_kind_is_known CHECK (kind BETWEEN 1 AND 2)
);
CREATE INDEX credential_by_channel ON credential (channel_id, created_at);

-- Who has accesses and credentials in memory proves by the version that they are the present ones.
CREATE TABLE access_head (
    singleton boolean PRIMARY KEY DEFAULT true,
    version bigint NOT NULL DEFAULT 0,
    CONSTRAINT access_head_is_one_row CHECK (singleton)
) WITH (fillfactor = 10);
INSERT INTO access_head DEFAULT VALUES;

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

-- What a batch's `content` is the SHA-256 of: its time, its entries and its movements as rows of text. `movement_row` and
-- `audit_row` are part of what is hashed: whoever changes them makes new types and a new function beside this one.
CREATE FUNCTION audit_content(recorded_at timestamptz, entries audit_row[], movements movement_row[]) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(concat_ws(
        E'\n',
        extract(epoch FROM recorded_at)::text,
        (SELECT string_agg(entry::text, E'\n' ORDER BY entry.ordinal) FROM unnest(entries) AS entry),
        (SELECT string_agg(new::text, E'\n' ORDER BY new.step, new.ordinal) FROM unnest(movements) AS new)
    ), 'UTF8'))
$$;
