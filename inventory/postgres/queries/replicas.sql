-- name: beat
-- A replica's heartbeat, by the database's clock; also its first. $1 its id, $2 address, $3 version.
INSERT INTO replica (replica_id, address, version, started_at, seen_at) VALUES ($1, $2, $3, now(), now())
ON CONFLICT (replica_id) DO UPDATE SET seen_at = now(), left_at = NULL

-- name: leave
-- A replica stops in order. $1 its id.
UPDATE replica SET left_at = now() WHERE replica_id = $1

-- name: read_lost_replicas
-- Replicas that were not heard of for a while and did not leave, but of those that have another one started at their
-- address since, or were lost long ago. $1 that while, $2 how long ago at most.
SELECT lost.replica_id, lost.address, now() - lost.seen_at AS unseen
FROM replica AS lost
WHERE lost.left_at IS NULL AND lost.seen_at < now() - $1::interval AND lost.seen_at > now() - $2::interval
    AND NOT EXISTS (
        SELECT FROM replica AS next WHERE next.address = lost.address AND next.started_at > lost.seen_at
    )

-- name: dismiss_replicas
-- Of lost replicas that somebody knows of: they count as having left. $1 ids.
UPDATE replica SET left_at = now() WHERE replica_id = ANY ($1::uuid[]) AND left_at IS NULL

-- name: forget_replicas
-- Drops replicas that were last heard of long ago. $1 how long.
DELETE FROM replica WHERE seen_at < now() - $1::interval RETURNING replica_id

-- name: put_heard
-- That channels were heard of now: only those that may be silent for so long and no longer. $1 channel codes.
INSERT INTO channel_heard (channel_id, heard_at)
SELECT channel_id, now() FROM channel
WHERE code = ANY ($1::text[]) AND silent_after IS NOT NULL
ORDER BY channel_id
ON CONFLICT (channel_id) DO UPDATE SET heard_at = excluded.heard_at
WHERE channel_heard.heard_at < excluded.heard_at

-- name: begin_hearing
-- A channel that was never heard of since it may be silent for so long and no longer counts as heard of now.
INSERT INTO channel_heard (channel_id, heard_at)
SELECT channel_id, now() FROM channel
WHERE silent_after IS NOT NULL AND NOT EXISTS (
    SELECT FROM channel_heard WHERE channel_heard.channel_id = channel.channel_id
)
ON CONFLICT (channel_id) DO NOTHING

-- name: read_silences
-- For how long the channels that may be silent for so long and no longer have been silent. While no server ran nobody
-- could be heard of: so `silent` counts at most from when the oldest of those that run was started, and `unheard` is
-- the whole time, which keeps what is stopped stopped. $1 after how long a replica doesn't run any more.
SELECT channel.channel_id, channel.code AS channel,
    now() - greatest(heard.heard_at, up.started_at) AS silent, now() - heard.heard_at AS unheard,
    channel.silent_after, channel.stop_selling_when_silent AS stops_selling, channel.selling_stopped AS is_stopped
FROM channel
CROSS JOIN LATERAL (SELECT heard_at FROM channel_heard WHERE channel_id = channel.channel_id OFFSET 0) AS heard
CROSS JOIN (
    SELECT coalesce(min(started_at), now()) AS started_at FROM replica
    WHERE left_at IS NULL AND seen_at > now() - $1::interval
) AS up
WHERE channel.silent_after IS NOT NULL

-- name: move_selling
-- Has a silent channel stop selling, or one that is back go on, and tells it as a change of its settings, in force for
-- the next call at every replica; once, whichever replica sees it first. The channel's lock comes before the feed's head.
-- $1 the channel, $2 whether it stops, $3 the NOTIFY channel.
WITH locked AS MATERIALIZED (
    SELECT channel_id FROM channel
    WHERE channel_id = $1 AND selling_stopped <> $2::boolean AND silent_after IS NOT NULL
        AND (stop_selling_when_silent OR NOT $2::boolean)
    FOR NO KEY UPDATE
), head AS (
    UPDATE feed_head SET revision = revision + 1, topology = revision + 1 WHERE EXISTS (SELECT FROM locked)
    RETURNING revision
), moved AS (
    UPDATE channel SET selling_stopped = $2::boolean, revision = head.revision FROM head
    WHERE channel.channel_id = $1
    RETURNING channel.*
), version AS (
    INSERT INTO channel_version (revision, channel_id, name, kind, location_ids, buffer, cap, share_bp, oversell_limit,
        min_life_days, silent_after, stop_selling_when_silent, selling_stopped, by_channel_id, recorded_at)
    SELECT revision, channel_id, name, kind, location_ids, buffer, cap, share_bp, oversell_limit, min_life_days,
        silent_after, stop_selling_when_silent, selling_stopped, channel_id, now()
    FROM moved
)
SELECT revision, pg_notify($3, revision::text) FROM moved

-- name: read_expiring_credentials
-- Credentials that expire soon, or have expired lately, of channels that have no other of the kind for longer. $1 how much
-- is left of one that expires soon, $2 which share of its life, whichever is less; $3 how lately.
SELECT credential.key_id, channel.code AS channel, credential.kind, credential.created_at, credential.expires_at
FROM credential JOIN channel ON channel.channel_id = credential.channel_id
WHERE credential.revoked_at IS NULL
    AND credential.expires_at - now() <= least($1::interval, (credential.expires_at - credential.created_at) * $2::float8)
    AND credential.expires_at > now() - $3::interval
    AND NOT EXISTS (
        SELECT FROM credential AS other
        WHERE other.channel_id = credential.channel_id AND other.kind = credential.kind AND other.revoked_at IS NULL
            AND (
                other.expires_at IS NULL
                OR other.expires_at - now() > least($1::interval, (other.expires_at - other.created_at) * $2::float8)
            )
    )
