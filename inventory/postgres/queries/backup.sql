-- name: count_statements
-- The statements that count the rows of each table of a schema. $1 the schema.
SELECT tablename AS name, format('SELECT count(*) FROM %I.%I', schemaname, tablename) AS statement
FROM pg_tables WHERE schemaname = $1::text
ORDER BY tablename

-- name: analyze_statements
-- The statements that give the planner its statistics of each table of a schema. $1 the schema.
SELECT format('ANALYZE %I.%I', schemaname, tablename) AS statement
FROM pg_tables WHERE schemaname = $1::text
ORDER BY tablename

-- name: read_origin
-- What a back-up says of where it is from: the database's version, and the feed's head.
SELECT current_setting('server_version_num')::integer / 10000 AS major, epoch, revision, clock_timestamp() AS made_at
FROM feed_head

-- name: look_around
-- What is there before a restore. $1 the schema. `is_ours`: it has a feed; `is_empty`: it has nothing at all. `may`: this
-- role may make a schema, and drop this one.
SELECT current_setting('server_version_num')::integer / 10000 AS major,
    to_regclass(format('%I.feed_head', $1::text)) IS NOT NULL AS is_ours,
    NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = space.oid)
        AND NOT EXISTS (SELECT FROM pg_proc WHERE pronamespace = space.oid)
        AND NOT EXISTS (SELECT FROM pg_type WHERE typnamespace = space.oid) AS is_empty,
    has_database_privilege(current_database(), 'CREATE')
        AND (space.oid IS NULL OR pg_has_role(space.nspowner, 'MEMBER')) AS may,
    format('SELECT revision FROM %I.feed_head', $1::text) AS read_revision,
    format('DROP SCHEMA IF EXISTS %I CASCADE;', $1::text) AS drop_all,
    format('UPDATE %I.feed_head SET epoch = gen_random_uuid();', $1::text) AS begin_epoch,
    format('SELECT epoch FROM %I.feed_head', $1::text) AS read_epoch
FROM (SELECT $1::text AS name) AS named
LEFT JOIN pg_namespace AS space ON space.nspname = named.name

-- name: count_sessions
-- How many sessions of servers and of our commands there are on this database besides ours. $1 the name they go by.
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = $1::text AND pid <> pg_backend_pid()
