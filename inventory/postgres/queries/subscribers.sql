-- name: read_subscribers
-- Subscribers by channel and name, with their lag. What the feed tells of subscribers and alarms isn't counted: else one
-- whose limit is low would fall behind by being told of. $1, $2 the last page's last channel and name; $3 a channel or null; $4 a name or
-- null; $5 how many; $6 the only channel that the reader may know, or null.
SELECT channel.code AS channel, subscriber.name, subscriber.acknowledged, subscriber.acknowledged_at,
    subscriber.registered_at, subscriber.deadline, subscriber.lag_changes_max, subscriber.lag_max, subscriber.state,
    greatest(head.revision - subscriber.acknowledged - (
        SELECT count(*) FROM subscriber_version WHERE revision > subscriber.acknowledged
    ) - (SELECT count(DISTINCT revision) FROM alarm_version WHERE revision > subscriber.acknowledged), 0) AS lag_changes,
    greatest(now() - least(
        (SELECT recorded_at FROM movement WHERE revision > subscriber.acknowledged ORDER BY revision LIMIT 1),
        (SELECT recorded_at FROM sku_version WHERE revision > subscriber.acknowledged ORDER BY revision LIMIT 1),
        (SELECT recorded_at FROM location_version WHERE revision > subscriber.acknowledged ORDER BY revision LIMIT 1),
        now()
    ), interval '0') AS lag,
    now() - subscriber.acknowledged_at AS silent, subscriber.channel_id
FROM feed_head AS head, channel JOIN subscriber ON subscriber.channel_id = channel.channel_id
WHERE (channel.code, subscriber.name) > ($1::text, $2::text) AND ($3::text IS NULL OR channel.code = $3)
    AND ($4::text IS NULL OR subscriber.name = $4) AND ($6::integer IS NULL OR channel.channel_id = $6::integer)
ORDER BY channel.code, subscriber.name
LIMIT $5

-- name: put_subscriber
-- Makes a subscriber, or changes its limits. The head is locked, so that the feed can't be compacted past its cursor
-- meanwhile. $1 channel, $2 name, $3 where a new one begins or null for the head, $4 deadline, $5, $6 limits or null, $7
-- how many a channel may have. No row: it is new, and its cursor too old or in the future, or the channel has too many.
-- Gives how it is now, and how it was: null, it is new.
WITH head AS MATERIALIZED (
    SELECT revision, compacted FROM feed_head FOR UPDATE
), before AS MATERIALIZED (
    SELECT deadline, lag_changes_max, lag_max FROM subscriber WHERE channel_id = $1 AND name = $2
), put AS (
    INSERT INTO subscriber (channel_id, name, acknowledged, acknowledged_at, registered_at, deadline, lag_changes_max,
        lag_max, state)
    SELECT $1::integer, $2::text, coalesce($3::bigint, head.revision), now(), now(), $4::interval, $5::bigint,
        $6::interval, 1
    FROM head
    WHERE EXISTS (SELECT FROM before)
        OR (
            coalesce($3::bigint, head.revision) BETWEEN head.compacted AND head.revision
            AND (SELECT count(*) FROM subscriber WHERE channel_id = $1) < $7::integer
        )
    ON CONFLICT (channel_id, name) DO UPDATE SET deadline = excluded.deadline,
        lag_changes_max = excluded.lag_changes_max, lag_max = excluded.lag_max
    RETURNING deadline, lag_changes_max, lag_max
)
SELECT put.deadline, put.lag_changes_max, put.lag_max, before.deadline AS deadline_before,
    before.lag_changes_max AS lag_changes_max_before, before.lag_max AS lag_max_before
FROM put LEFT JOIN before ON true

-- name: acknowledge
-- How far a subscriber has come, never back. $1 channel, $2 name, $3 the revision. No row: there is no such subscriber.
UPDATE subscriber SET acknowledged = greatest(acknowledged, $3::bigint), acknowledged_at = now()
WHERE channel_id = $1 AND name = $2
RETURNING acknowledged

-- name: read_acknowledged
-- How far a subscriber has come. $1 channel, $2 name.
SELECT acknowledged FROM subscriber WHERE channel_id = $1 AND name = $2

-- name: remove_subscriber
-- Forgets a subscriber, under the head's lock. $1 channel, $2 name. Gives what its limits were.
DELETE FROM subscriber WHERE channel_id = $1 AND name = $2 RETURNING deadline, lag_changes_max, lag_max

-- name: move_subscriber
-- Changes a subscriber's state and tells it to the feed, once, whichever replica sees it first. The head is locked
-- before the subscriber, as by put_subscriber. $1 channel, $2 name, $3 the state before, $4 the state after, $5 lag in changes, $6 lag, $7 the NOTIFY channel.
WITH locked AS MATERIALIZED (
    SELECT FROM feed_head FOR UPDATE
), moved AS (
    UPDATE subscriber SET state = $4::smallint
    WHERE channel_id = $1 AND name = $2 AND state = $3::smallint AND EXISTS (SELECT FROM locked)
    RETURNING *
), head AS (
    UPDATE feed_head SET revision = revision + 1 WHERE EXISTS (SELECT FROM moved) RETURNING revision
), version AS (
    INSERT INTO subscriber_version (revision, channel_id, name, acknowledged, acknowledged_at, registered_at, deadline,
        lag_changes_max, lag_max, state, lag_changes, lag, recorded_at)
    SELECT head.revision, moved.channel_id, moved.name, moved.acknowledged, moved.acknowledged_at, moved.registered_at,
        moved.deadline, moved.lag_changes_max, moved.lag_max, moved.state, $5::bigint, $6::interval, now()
    FROM head, moved
)
SELECT head.revision, pg_notify($7, head.revision::text) FROM head
