-- name: make_notices
-- Queues what is to be told of alarms after one revision up to and with another, but what is older than it may be. $1,
-- $2 the revisions, $3 how old at most.
INSERT INTO alarm_notice (alarm_id, revision, made_at, next_at)
SELECT alarm_id, revision, now(), now() FROM alarm_version
WHERE revision > $1 AND revision <= $2 AND recorded_at > now() - $3::interval
ORDER BY revision, alarm_id
ON CONFLICT (alarm_id, revision) DO NOTHING

-- name: claim_notices
-- Takes some notices that are due, of each alarm only the first: SKIP LOCKED, so that replicas share them. Whoever takes
-- one and dies leaves it to others after a while. $1 how many, $2 that while.
WITH due AS MATERIALIZED (
    SELECT notice_id FROM alarm_notice AS notice
    WHERE delivered_at IS NULL AND given_up_at IS NULL AND next_at <= now() AND NOT EXISTS (
        SELECT FROM alarm_notice AS earlier
        WHERE earlier.alarm_id = notice.alarm_id AND earlier.revision < notice.revision
            AND earlier.delivered_at IS NULL AND earlier.given_up_at IS NULL
    )
    ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE alarm_notice SET attempts = attempts + 1, next_at = now() + $2::interval
    WHERE notice_id IN (SELECT notice_id FROM due)
    RETURNING notice_id, alarm_id, revision, attempts, now() - made_at AS age
)
SELECT taken.notice_id, taken.attempts, taken.age, version.*
FROM taken JOIN alarm_version AS version ON version.revision = taken.revision AND version.alarm_id = taken.alarm_id

-- name: record_delivery
-- Writes down what came of an attempt, once. $1 the notice, $2 the attempt, $3 the HTTP status or null, $4 the kind of
-- failure or null, $5 after how long it is tried again, or null, $6 whether it was delivered.
WITH noted AS (
    UPDATE alarm_notice SET
        delivered_at = CASE WHEN $6::boolean THEN now() END,
        given_up_at = CASE WHEN NOT $6::boolean AND $5::interval IS NULL THEN now() END,
        next_at = coalesce(now() + $5::interval, next_at)
    WHERE notice_id = $1 AND delivered_at IS NULL AND attempts = $2::integer
    RETURNING notice_id, alarm_id, delivered_at
)
INSERT INTO alarm_delivery (notice_id, attempt, alarm_id, attempted_at, code, error, next_at, delivered_at)
SELECT notice_id, $2::integer, alarm_id, now(), $3::smallint, $4::text, now() + $5::interval, delivered_at FROM noted
ON CONFLICT (notice_id, attempt) DO NOTHING

-- name: list_deliveries
-- A page of attempts, newest first. $1, $2, $3 the last page's last time, notice and attempt; $4 an alarm or null; $5 how
-- many.
SELECT delivery.*, version.event
FROM alarm_delivery AS delivery
JOIN alarm_notice AS notice ON notice.notice_id = delivery.notice_id
JOIN alarm_version AS version ON version.revision = notice.revision AND version.alarm_id = notice.alarm_id
WHERE (delivery.attempted_at, delivery.notice_id, delivery.attempt) < ($1::timestamptz, $2::uuid, $3::integer)
    AND ($4::uuid IS NULL OR delivery.alarm_id = $4)
ORDER BY delivery.attempted_at DESC, delivery.notice_id DESC, delivery.attempt DESC
LIMIT $5

