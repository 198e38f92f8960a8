-- Whether the jobs of a batch still are as they were read is found out by the index of living jobs, name by name, whatever the statistics say.
-- Where hardly any job lived when they were gathered, the plan read all living jobs once for each name of the batch: with 10,000 of each half a
-- minute, under the commit lock. A LATERAL query with a LIMIT can be answered only name by name. Nothing else in the function changes, so it
-- is replaced in place.
DO $migration$
DECLARE
    appends text := pg_get_functiondef(
        (SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'eventstore'::regnamespace AND p.proname = 'commit_jobs_3'));
    joined  text := replace(appends, $old$
      LEFT JOIN mt_doc_current_job j
             ON (j.namespace || '/') COLLATE "C" = k.namespace || '/' AND j.name COLLATE "C" = k.name AND NOT j.deleted;
$old$, $new$
      LEFT JOIN LATERAL (
           SELECT c.id, c.mt_version, c.revision FROM mt_doc_current_job c
            WHERE (c.namespace || '/') COLLATE "C" = k.namespace || '/' AND c.name COLLATE "C" = k.name AND NOT c.deleted
            LIMIT 1) j ON true;
$new$);
BEGIN
    IF joined = appends THEN
        RAISE EXCEPTION 'commit_jobs_3 does not look at the jobs as it did';
    END IF;
    EXECUTE joined;
END
$migration$;

-- wait_for_commits_1, and it tells the number of the last rebuild: whoever reads jobs after it has read them as that rebuild left them, for a
-- rebuild that is under way is waited for.
CREATE FUNCTION eventstore.wait_for_commits_2() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
AS $function$
BEGIN
    LOCK TABLE commit_lock IN SHARE MODE;
    RETURN (SELECT last_value + is_called::int FROM rebuilds);
END
$function$;
REVOKE ALL ON FUNCTION eventstore.wait_for_commits_2 FROM PUBLIC;
