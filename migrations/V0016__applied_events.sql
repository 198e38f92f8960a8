-- An event may now be an apply (server-side apply): job_applied. The function that appends checks each event's type, and learns one more;
-- nothing else in it changes, so it is replaced in place: a process of the release before, which never sends one, appends as it did.
DO $migration$
DECLARE
    appends regprocedure;
BEGIN
    FOR appends IN
        SELECT p.oid FROM pg_proc p
         WHERE p.pronamespace = 'eventstore'::regnamespace AND p.proname LIKE 'commit\_jobs\_%' AND p.prosrc LIKE '%''job_rolled_back''%'
    LOOP
        EXECUTE replace(pg_get_functiondef(appends), '''job_rolled_back''', '''job_rolled_back'', ''job_applied''');
    END LOOP;
    IF appends IS NULL THEN
        RAISE EXCEPTION 'no function that appends checks the types of events';
    END IF;
END
$migration$;

-- What an event touched, for blame: an apply is told of like a patch, or, where it went to the status, like a write of the status. No
-- snapshot has one behind it yet.
CREATE OR REPLACE FUNCTION eventstore.touched_paths_1(type text, paths jsonb, patch jsonb, finalizers jsonb)
RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT p.path FROM jsonb_array_elements_text(CASE jsonb_typeof(paths) WHEN 'array' THEN paths END) p (path)
    UNION ALL
    SELECT CASE WHEN type = 'job_status_updated' OR (type = 'job_applied' AND patch ? 'status') THEN ':status' ELSE ':rest' END
     WHERE jsonb_array_length(CASE jsonb_typeof(paths) WHEN 'array' THEN paths END) >= 1000
    UNION ALL
    SELECT 'metadata.generation'
     WHERE type = 'job_deletion_requested'
        OR EXISTS (SELECT FROM jsonb_object_keys(CASE jsonb_typeof(patch) WHEN 'object' THEN patch END) k (name)
                    WHERE k.name <> 'metadata' AND NOT (type = 'job_applied' AND k.name = 'status'))
    UNION ALL
    SELECT d.path
      FROM (VALUES ('metadata.deletionTimestamp', true), ('metadata.deletionGracePeriodSeconds', true),
                   ('metadata.finalizers', finalizers IS NOT NULL)) d (path, touched)
     WHERE type = 'job_deletion_requested' AND d.touched
$function$;
