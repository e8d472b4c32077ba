-- name: read_access_version
-- Whether accesses and credentials are those that somebody has in memory: their version, and how many credentials are in
-- force, of which time alone takes away.
SELECT version, (
    SELECT count(*) FROM credential WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
) AS in_force
FROM access_head

-- name: read_credentials_in_force
-- Every credential that opens the door now, and what its channel may do.
SELECT credential.digest, credential.key_id, credential.kind, credential.expires_at - now() AS expires_in, channel.channel_id,
    channel.code AS channel, access.scopes, access.location_ids, access.categories, access.requests_per_s,
    access.requests_burst, access.calls_max, access.streams_max, access.held_per_sku_max, access.certificate_required
FROM credential
JOIN channel USING (channel_id)
LEFT JOIN channel_access AS access USING (channel_id)
WHERE credential.revoked_at IS NULL AND (credential.expires_at IS NULL OR credential.expires_at > now())

-- name: lock_access
-- Whoever changes accesses or credentials comes one after the other, and all servers read them again.
UPDATE access_head SET version = version + 1 RETURNING now()

-- name: read_accesses
-- What channels may do, by code. $1 a channel or null for all; $2 the last page's last code, $3 how many.
SELECT channel.code AS channel, channel.channel_id, access.scopes, location_codes(access.location_ids) AS locations,
    access.location_ids, access.categories, access.requests_per_s, access.requests_burst, access.calls_max, access.streams_max,
    access.held_per_sku_max, access.certificate_required
FROM channel JOIN channel_access AS access USING (channel_id)
WHERE ($1::text IS NULL OR channel.code = $1::text) AND channel.code > $2::text
ORDER BY channel.code
LIMIT $3

-- name: write_access
-- Replaces what a channel may do. $1 channel; $2 scopes, $3 location numbers, $4 categories, $5 requests a second, $6 burst,
-- $7 calls at once, $8 streams at once, $9 held of a SKU, $10 whether a token takes a certificate beside it.
INSERT INTO channel_access (channel_id, scopes, location_ids, categories, requests_per_s, requests_burst, calls_max,
    streams_max, held_per_sku_max, certificate_required)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (channel_id) DO UPDATE SET scopes = excluded.scopes, location_ids = excluded.location_ids,
    categories = excluded.categories, requests_per_s = excluded.requests_per_s, requests_burst = excluded.requests_burst,
    calls_max = excluded.calls_max, streams_max = excluded.streams_max, held_per_sku_max = excluded.held_per_sku_max,
    certificate_required = excluded.certificate_required

-- name: write_credential
-- A new credential; no row: there is, or was, one of this digest. $1 its name for all, $2 channel, $3 kind, $4 digest, $5 name for people, $6 how long it lasts or
-- null, $7 until when it lasts by itself or null, $8 request_id.
INSERT INTO credential (key_id, channel_id, kind, digest, name, expires_at, request_id)
VALUES ($1, $2, $3, $4, $5, least(now() + $6::interval, $7::timestamptz), $8)
ON CONFLICT (digest) DO NOTHING
RETURNING key_id

-- name: read_credentials
-- Credentials by channel and age, those no longer in force too. $1 channel, $2 key id, $3 request_id, each null for all; $4
-- the last page's last key id, '' for the first page; $5 how many.
SELECT credential.key_id, channel.code AS channel, credential.kind, credential.name, credential.created_at,
    credential.expires_at, credential.revoked_at, credential.last_used_at,
    credential.revoked_at IS NULL AND (credential.expires_at IS NULL OR credential.expires_at > now()) AS in_force,
    credential.channel_id
FROM credential JOIN channel USING (channel_id)
WHERE ($1::text IS NULL OR channel.code = $1::text) AND ($2::text IS NULL OR credential.key_id = $2::text)
    AND ($3::uuid IS NULL OR credential.request_id = $3::uuid)
    AND ($4::text = '' OR (channel.code, credential.created_at, credential.key_id) > (
        SELECT of_last.code, last.created_at, last.key_id
        FROM credential AS last JOIN channel AS of_last USING (channel_id) WHERE last.key_id = $4::text
    ))
ORDER BY channel.code, credential.created_at, credential.key_id
LIMIT $5

-- name: count_credentials
-- How many of a kind a channel has in force. $1 channel, $2 kind.
SELECT count(*) FROM credential
WHERE channel_id = $1 AND kind = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())

-- name: revoke_credential
-- Takes a credential out of force, now or in a while; never later than it was to end. $1 key id, $2 in which time. No row: it is
-- not in force.
UPDATE credential SET
    revoked_at = CASE WHEN $2::interval = interval '0' THEN now() ELSE revoked_at END,
    expires_at = least(expires_at, now() + $2::interval)
WHERE key_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
RETURNING channel_id, (SELECT code FROM channel WHERE channel.channel_id = credential.channel_id) AS channel

-- name: note_used
-- When credentials were last used. $1 key ids.
UPDATE credential SET last_used_at = now() WHERE key_id = ANY ($1::text[])

-- name: has_admin
-- Whether anybody may do everything: who has a certificate in force, or a token that takes none beside it; and whether one
-- of those `lasts`. $1 how long that is.
SELECT count(*) > 0 AS is_there, coalesce(bool_or(expires_at IS NULL OR expires_at > now() + $1::interval), false) AS lasts
FROM credential JOIN channel_access USING (channel_id)
WHERE 8 = ANY (scopes) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
    AND (kind = 2 OR NOT certificate_required)
