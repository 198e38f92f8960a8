-- A rebuild may mend a row whose text is wrong and whose version and revision are right. A batch that was decided upon the wrong text would
-- still be let through, and write it again. So rebuilds are counted, and whoever commits says up to which of them it knows the rows.

-- The number of the last rebuild that wrote current jobs. It is drawn under the commit lock, before that rebuild's transaction ends.
CREATE SEQUENCE eventstore.rebuilds;

-- commit_jobs_3 for who knows the number: at another one nothing is held and nothing is appended; the caller forgets every row it has read,
-- and decides again. Servers of the release before go on calling commit_jobs_3.
CREATE FUNCTION eventstore.commit_jobs_4(
    key_namespace text[], key_name text[], key_uid uuid[], key_version bigint[], key_revision bigint[],
    event_key int[], event_id uuid[], event_stream uuid[], event_version bigint[], event_type text[], event_class text[],
    event_data jsonb[], event_user text[], event_headers jsonb[], event_request text[],
    path_event int[], path text[],
    row_event int[], row_kept boolean[], row_head text[], row_tail text[],
    wake_others boolean,
    -- the number of the last rebuild before the rows were read; null for who has just read them within the same transaction
    known_rebuild bigint,
    OUT held boolean[], OUT revisions bigint[], OUT committed_at timestamptz, OUT rebuild bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
AS $function$
BEGIN
    LOCK TABLE commit_lock IN EXCLUSIVE MODE;
    SELECT last_value + is_called::int INTO rebuild FROM rebuilds;
    IF rebuild <> known_rebuild THEN
        held := array_fill(false, ARRAY[cardinality(key_namespace)]);
        revisions := array_fill(0::bigint, ARRAY[cardinality(event_key)]);
        RETURN;
    END IF;
    SELECT c.held, c.revisions, c.committed_at INTO held, revisions, committed_at
      FROM commit_jobs_3(
               key_namespace, key_name, key_uid, key_version, key_revision, event_key, event_id, event_stream, event_version, event_type,
               event_class, event_data, event_user, event_headers, event_request, path_event, path, row_event, row_kept, row_head,
               row_tail, wake_others) c;
END
$function$;

REVOKE ALL ON FUNCTION eventstore.commit_jobs_4 FROM PUBLIC;
