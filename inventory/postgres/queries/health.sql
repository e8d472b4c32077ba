-- name: look_at_health
-- Whether this database, with our schema in it, is a standby, or takes no writes, and which migrations it has had, as
-- NNNN.phase. A schema without its feed is an error: there is nothing to serve.
SELECT pg_is_in_recovery() AS is_standby, current_setting('transaction_read_only') = 'on' AS is_read_only,
    (SELECT revision FROM feed_head) AS revision,
    ARRAY(SELECT lpad(number::text, 4, '0') || '.' || phase FROM migration) AS migrations

-- name: try_head
-- A row when nobody has the feed's head locked, without which nothing can be committed.
SELECT revision FROM feed_head FOR UPDATE SKIP LOCKED
