-- A right is the schema's owner's, or one that migrate gives to a role that serves, or wrong. Who else may read is the operator's business.
-- 'given' (object, privilege) stands before this: the list of Postgres/serving-rights.sql.
home AS (SELECT oid, nspowner, nspacl FROM pg_namespace WHERE nspname = 'eventstore'),
functions AS (SELECT p.oid, format('function %s', p.proname) AS object, p.prosecdef, p.proacl, p.proowner FROM pg_proc p JOIN home ON home.oid = p.pronamespace),
held (object, owner, kind, acl) AS (
    SELECT 'schema', nspowner, 'n', nspacl FROM home
    UNION ALL
    SELECT format('%s %s', CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, relname), nspowner, CASE relkind WHEN 'S' THEN 'S' ELSE 'r' END, relacl
      FROM pg_class c JOIN home ON home.oid = c.relnamespace
    UNION ALL
    SELECT format('column %s.%s', relname, attname), nspowner, 'r', attacl
      FROM pg_class c JOIN home ON home.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    UNION ALL
    SELECT object, nspowner, 'f', CASE WHEN prosecdef THEN coalesce(proacl, acldefault('f', proowner)) ELSE proacl END FROM functions, home
    UNION ALL
    SELECT 'database', datdba, 'd', coalesce(datacl, acldefault('d', datdba)) FROM pg_database WHERE datname = current_database())
SELECT format('%s has the right %s on the %s', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, privilege_type, object)
  FROM held, aclexplode(acl) a, home
 WHERE grantee NOT IN (owner, nspowner)
   AND (grantee = 0 OR is_grantable
        OR (kind, privilege_type) NOT IN (('n', 'USAGE'), ('r', 'SELECT'), ('S', 'SELECT'), ('d', 'CONNECT')) AND (object, privilege_type) NOT IN (SELECT * FROM given))
UNION ALL
SELECT format('%s may act as the owner of the schema', session_user) FROM home
 WHERE session_user::regrole <> nspowner AND pg_has_role(session_user, nspowner, 'MEMBER')
UNION ALL
SELECT format('%s lacks the right %s on the %s', session_user, privilege, object) FROM given JOIN functions USING (object)
 WHERE NOT has_function_privilege(session_user, oid, privilege)
