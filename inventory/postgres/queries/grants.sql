-- name: rights
-- What a server's role may, and what it shall: a row for each right on each object of the schema. `statement` brings the
-- one to the other; null: it is so. `is_member`: the role may act as the owner. Ordinary tables are read and written,
-- append-only ones (those whose changes are refused by a trigger, and the audit trail) read and added to, the record of
-- migrations is read. $1 schema, $2 role.
WITH space AS (
    SELECT oid, quote_ident(nspname) AS name, nspowner AS owner, nspacl AS acl FROM pg_namespace WHERE nspname = $1::text
), role AS (
    SELECT oid, quote_ident(rolname) AS name FROM pg_roles WHERE rolname = $2::text
), relation AS (
    SELECT class.oid, class.relkind, class.relname, class.relowner AS owner, class.relacl AS acl,
        space.name || '.' || quote_ident(class.relname) AS name,
        class.relname IN ('audit_entry', 'audit_batch') OR EXISTS (
            SELECT FROM pg_trigger JOIN pg_proc ON pg_proc.oid = pg_trigger.tgfoid
            WHERE pg_trigger.tgrelid = class.oid AND pg_proc.proname = 'refuse_change'
        ) AS append_only
    FROM space JOIN pg_class AS class ON class.relnamespace = space.oid
    WHERE class.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
), object AS (
    SELECT 'TABLE' AS kind, oid, name, owner, acl, append_only,
        CASE
            WHEN relname = 'migration' OR relkind IN ('v', 'm') THEN ARRAY['SELECT']
            WHEN append_only THEN ARRAY['SELECT', 'INSERT']
            ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']
        END AS wanted,
        ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'] AS possible
    FROM relation WHERE relkind <> 'S'
    UNION ALL
    SELECT 'SEQUENCE', oid, name, owner, acl, false, ARRAY['USAGE'], ARRAY['USAGE', 'UPDATE']
    FROM relation WHERE relkind = 'S'
    UNION ALL
    SELECT 'SCHEMA', oid, name, owner, acl, false, ARRAY['USAGE'], ARRAY['USAGE', 'CREATE'] FROM space
    UNION ALL
    SELECT 'ROUTINE', routine.oid, routine.oid::regprocedure::text, routine.proowner, routine.proacl, false,
        ARRAY['EXECUTE'], ARRAY['EXECUTE']
    FROM space JOIN pg_proc AS routine ON routine.pronamespace = space.oid
    WHERE routine.prokind <> 'a'
    UNION ALL
    SELECT 'TYPE', type.oid, space.name || '.' || quote_ident(type.typname), type.typowner, type.typacl, false,
        ARRAY['USAGE'], ARRAY['USAGE']
    FROM space JOIN pg_type AS type ON type.typnamespace = space.oid
    LEFT JOIN pg_class AS class ON class.oid = type.typrelid
    WHERE type.typtype IN ('d', 'e', 'r') OR class.relkind = 'c'
), entry AS (
    SELECT object.kind, object.oid, acl.grantee, acl.privilege_type AS named
    FROM object CROSS JOIN LATERAL aclexplode(object.acl) AS acl
    UNION
    SELECT object.kind, object.oid, acl.grantee, acl.privilege_type
    FROM object JOIN pg_attribute AS attribute ON attribute.attrelid = object.oid AND attribute.attacl IS NOT NULL
    CROSS JOIN LATERAL aclexplode(attribute.attacl) AS acl
    WHERE object.kind = 'TABLE'
), looked AS (
    SELECT object.kind, object.name, object.append_only, named.named, named.named = ANY (object.wanted) AS wanted,
        CASE object.kind
            WHEN 'TABLE' THEN has_table_privilege(role.oid, object.oid, named.named)
                OR named.named <> ALL (object.wanted) AND named.named IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                    AND has_any_column_privilege(role.oid, object.oid, named.named)
            WHEN 'SEQUENCE' THEN has_sequence_privilege(role.oid, object.oid, named.named)
            WHEN 'SCHEMA' THEN has_schema_privilege(role.oid, object.oid, named.named)
            WHEN 'ROUTINE' THEN has_function_privilege(role.oid, object.oid, named.named)
            ELSE has_type_privilege(role.oid, object.oid, named.named)
        END AS has,
        pg_has_role(role.oid, object.owner, 'MEMBER') AS is_member,
        EXISTS (
            SELECT FROM entry WHERE entry.kind = object.kind AND entry.oid = object.oid AND entry.named = named.named
                AND entry.grantee = role.oid
        ) AS granted,
        EXISTS (
            SELECT FROM entry WHERE entry.kind = object.kind AND entry.oid = object.oid AND entry.named = named.named
                AND entry.grantee = 0
        ) AS granted_to_all,
        role.name AS role
    FROM role, object CROSS JOIN LATERAL unnest(object.possible) AS named
)
SELECT kind, name, append_only, named AS right_named, wanted, has, is_member,
    nullif(concat_ws('; ',
        CASE WHEN wanted AND NOT has THEN format('GRANT %s ON %s %s TO %s', named, kind, name, role) END,
        CASE WHEN granted AND NOT wanted THEN format('REVOKE %s ON %s %s FROM %s', named, kind, name, role) END,
        CASE WHEN granted_to_all AND NOT wanted THEN format('REVOKE %s ON %s %s FROM PUBLIC', named, kind, name) END
    ), '') AS statement
FROM looked
ORDER BY kind, name, named

-- name: default_rights
-- The statements by which a server's role gets at once, of what this session's role will make in the schema, what it
-- shall have of each. What it writes besides is granted when the runner has seen what the table is. $1 schema, $2 role.
SELECT format(
    'ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT %s ON %s TO %I', space.nspname, wanted.named, wanted.kinds, role.rolname
) AS statement
FROM pg_namespace AS space, pg_roles AS role, (
    VALUES ('r', 'TABLES', 'SELECT'), ('r', 'TABLES', 'INSERT'), ('S', 'SEQUENCES', 'USAGE'),
        ('f', 'ROUTINES', 'EXECUTE'), ('T', 'TYPES', 'USAGE')
) AS wanted (kind, kinds, named)
WHERE space.nspname = $1::text AND role.rolname = $2::text AND NOT EXISTS (
    SELECT FROM pg_default_acl AS acl CROSS JOIN LATERAL aclexplode(acl.defaclacl) AS entry
    WHERE acl.defaclrole = (SELECT oid FROM pg_roles WHERE rolname = current_user) AND acl.defaclnamespace = space.oid
        AND acl.defaclobjtype = wanted.kind::"char" AND entry.grantee = role.oid AND entry.privilege_type = wanted.named
)
