-- What each channel may do. A channel without a row may do nothing. Unset limits: the server's own.
CREATE TABLE channel_access (
    channel_id integer PRIMARY KEY REFERENCES channel,
    scopes smallint[] NOT NULL,
    location_ids integer[] NOT NULL DEFAULT '{}',
    categories text[] NOT NULL DEFAULT '{}',
    requests_per_s integer,
    requests_burst integer,
    calls_max integer,
    streams_max integer,
    held_per_sku_max bigint,
    certificate_required boolean NOT NULL DEFAULT false,
    CONSTRAINT channel_access_limits_positive CHECK (
        coalesce(requests_per_s, 1) > 0 AND coalesce(requests_burst, 1) > 0 AND coalesce(calls_max, 1) > 0
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
