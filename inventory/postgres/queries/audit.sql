-- name: append_audit
-- Entries of what is changed beside stock, as the next batch of the chain. The feed's head is locked by it, as by every
-- batch. $1 the revision that steps count from, null for the present one; $2 the time; $3 the entries.
WITH said AS MATERIALIZED (
    SELECT audit_content($2::timestamptz, $3::audit_row[], NULL) AS content
), head AS (
    UPDATE feed_head SET audited = audited + 1,
        chain = sha256(chain || int8send(audited + 1) || int8send(coalesce($1::bigint, revision)) || said.content)
    FROM said
    RETURNING audited, coalesce($1::bigint, revision) AS base, chain, content
), audited_batch AS (
    INSERT INTO audit_batch (batch, base, content, chain, recorded_at)
    SELECT audited, base, content, chain, $2::timestamptz FROM head
)
INSERT INTO audit_entry (batch, ordinal, step, channel_id, key_id, operator, peer, action, request_id, code, detail)
SELECT head.audited, new.* FROM head, unnest($3::audit_row[]) AS new
