-- One line for each object of the schema: its kind, its name, and what it is. schema.txt is its result in a database that was just migrated.
SELECT format('%s %s = %s', kind, name, replace(definition, E'\n', ' ')) FROM (
WITH home AS (SELECT oid, nspowner FROM pg_namespace WHERE nspname = 'eventstore'),
rel AS (SELECT c.*, c.oid AS id, h.nspowner FROM pg_class c JOIN home h ON h.oid = c.relnamespace)
SELECT 'schema', 'eventstore', '' FROM home
UNION ALL
SELECT CASE relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' ELSE 'table' END, relname::text,
       concat_ws(', ', relkind, relpersistence, CASE WHEN relowner <> nspowner THEN 'of another owner' END, CASE WHEN relrowsecurity THEN 'row security' END,
                 CASE WHEN relforcerowsecurity THEN 'forced row security' END, array_to_string(reloptions, ', '), pg_get_viewdef(id),
                 (SELECT format('from %s by %s, %s to %s, cache %s%s', seqstart, seqincrement, seqmin, seqmax, seqcache, CASE WHEN seqcycle THEN ', cycle' END)
                    FROM pg_sequence WHERE seqrelid = id))
  FROM rel WHERE relkind NOT IN ('i', 'I', 't', 'c')
UNION ALL
SELECT 'column', format('%s.%s', r.relname, a.attname),
       concat_ws(', ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END, CASE WHEN a.attcollation <> 0 THEN a.attcollation::regcollation::text END,
                 regexp_replace(pg_get_expr(d.adbin, d.adrelid), '^''[0-9].*''::timestamp with time zone$', 'some time'), nullif(a.attidentity, ''), nullif(a.attgenerated, ''))
  FROM rel r JOIN pg_attribute a ON a.attrelid = r.id AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = r.id AND d.adnum = a.attnum
 WHERE r.relkind NOT IN ('i', 'I', 't', 'c', 'S')
UNION ALL
SELECT 'index', i.relname::text, concat_ws(', ', pg_get_indexdef(i.id), CASE WHEN NOT (x.indisvalid AND x.indisready AND x.indislive) THEN 'not in use' END)
  FROM rel i JOIN pg_index x ON x.indexrelid = i.id
UNION ALL
SELECT 'constraint', format('%s of %s', c.conname, r.relname), concat_ws(', ', pg_get_constraintdef(c.oid), CASE WHEN NOT c.convalidated THEN 'not validated' END)
  FROM rel r JOIN pg_constraint c ON c.conrelid = r.id WHERE c.contype IN ('p', 'u', 'f', 'c', 'x')
UNION ALL
SELECT 'trigger', format('%s of %s', t.tgname, r.relname), concat_ws(', ', pg_get_triggerdef(t.oid), t.tgenabled)
  FROM rel r JOIN pg_trigger t ON t.tgrelid = r.id WHERE NOT t.tgisinternal OR t.tgenabled <> 'O'
UNION ALL
SELECT 'rule', format('%s of %s', w.rulename, r.relname), pg_get_ruledef(w.oid) FROM rel r JOIN pg_rewrite w ON w.ev_class = r.id WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'policy', format('%s of %s', p.polname, r.relname), '' FROM rel r JOIN pg_policy p ON p.polrelid = r.id
UNION ALL
SELECT 'child', format('%s of %s', n.inhrelid::regclass, r.relname), '' FROM rel r JOIN pg_inherits n ON n.inhparent = r.id WHERE r.relkind IN ('r', 'p')
UNION ALL
SELECT 'function', format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)),
       concat_ws(', ', l.lanname, p.prokind, p.provolatile, p.proparallel, CASE WHEN p.prosecdef THEN 'security definer' END, CASE WHEN p.proisstrict THEN 'strict' END,
                 CASE WHEN p.proleakproof THEN 'leakproof' END, CASE WHEN p.proowner <> h.nspowner THEN 'of another owner' END,
                 array_to_string(p.proconfig, ', '), pg_get_function_result(p.oid), nullif(pg_get_expr(p.proargdefaults, 0), ''),
                 encode(sha256(convert_to(concat(p.prosrc, pg_get_function_sqlbody(p.oid)), 'UTF8')), 'hex'))
  FROM pg_proc p JOIN home h ON h.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
UNION ALL
SELECT 'type', t.typname::text, t.typtype::text FROM pg_type t JOIN home h ON h.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid WHERE t.typtype NOT IN ('b', 'c') OR c.relkind = 'c'
UNION ALL
SELECT 'operator', o.oid::regoperator::text, '' FROM pg_operator o JOIN home h ON h.oid = o.oprnamespace
UNION ALL
SELECT 'event trigger', evtname::text, '' FROM pg_event_trigger
UNION ALL
SELECT 'default right', format('%s %s', pg_get_userbyid(d.defaclrole), d.defaclobjtype), array_to_string(d.defaclacl, ', ') FROM pg_default_acl d JOIN home h ON d.defaclnamespace = h.oid

) o (kind, name, definition) ORDER BY kind COLLATE "C", name COLLATE "C"
