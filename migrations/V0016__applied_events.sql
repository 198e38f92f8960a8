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
