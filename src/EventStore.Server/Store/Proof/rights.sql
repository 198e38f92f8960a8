-- A right is the schema's owner's, or one that migrate gives to a role that serves, or wrong. Who else may read is the operator's business.
WITH home AS (SELECT oid, nspowner, nspacl FROM pg_namespace WHERE nspname = 'eventstore'),
held (object, owner, kind, acl) AS (
    SELECT 'the schema', nspowner, 'n', nspacl FROM home
    UNION ALL
    SELECT format('the %s %s', CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, relname), nspowner, CASE relkind WHEN 'S' THEN 'S' ELSE 'r' END, relacl
      FROM pg_class c JOIN home ON home.oid = c.relnamespace
    UNION ALL
    SELECT format('the column %s.%s', relname, attname), nspowner,
           CASE WHEN relname IN ('mt_doc_activity', 'mt_doc_job_activity', 'mt_event_progression') THEN 'counted' ELSE 'r' END, attacl
      FROM pg_class c JOIN home ON home.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    UNION ALL
    SELECT format('the function %s', proname), nspowner,
           CASE WHEN proname LIKE 'commit\_jobs\_%' OR proname LIKE 'wait\_for\_commits\_%' OR proname LIKE 'touched\_%' OR proname LIKE 'lease\_take\_%' OR proname LIKE 'epoch\_check\_%' THEN 'f' ELSE '' END,
           CASE WHEN prosecdef THEN coalesce(proacl, acldefault('f', proowner)) ELSE proacl END
      FROM pg_proc p JOIN home ON home.oid = p.pronamespace
    UNION ALL
    SELECT 'the database', datdba, 'd', coalesce(datacl, acldefault('d', datdba)) FROM pg_database WHERE datname = current_database())
SELECT format('%s has the right %s on %s', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, privilege_type, object)
  FROM held, aclexplode(acl) a, home
 WHERE grantee NOT IN (owner, nspowner)
   AND (grantee = 0 OR is_grantable OR (kind, privilege_type) NOT IN (('n', 'USAGE'), ('r', 'SELECT'), ('counted', 'INSERT'), ('counted', 'UPDATE'), ('S', 'SELECT'), ('f', 'EXECUTE'), ('d', 'CONNECT')))
UNION ALL
SELECT format('%s may act as the owner of the schema', session_user) FROM home
 WHERE session_user::regrole <> nspowner AND pg_has_role(session_user, nspowner, 'MEMBER')
UNION ALL
SELECT format('%s lacks the right EXECUTE on the function %s', session_user, proname) FROM pg_proc p JOIN home ON home.oid = p.pronamespace
 WHERE (proname LIKE 'commit\_jobs\_%' OR proname LIKE 'wait\_for\_commits\_%' OR proname LIKE 'touched\_%' OR proname LIKE 'lease\_take\_%' OR proname LIKE 'epoch\_check\_%') AND NOT has_function_privilege(session_user, p.oid, 'EXECUTE')
