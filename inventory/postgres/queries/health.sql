-- name: is_writable
-- Whether this database, with our schema in it, takes writes: a standby, or one that was set read-only, does not.
SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AND EXISTS (SELECT FROM feed_head)
