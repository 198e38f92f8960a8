-- Lifetimes are ended by one of the servers, under a lease; and who commits a batch whole names the last rebuild too.

-- A lease is held until a moment, and under a number that is never used again (a fencing token): whoever takes it over takes the next one. So a
-- server that was paused, and does not know that another has taken over, is known by its number.
CREATE TABLE eventstore.lease (
    name    text        COLLATE "C" PRIMARY KEY,
    number  bigint      NOT NULL,
    until   timestamptz NOT NULL
);
INSERT INTO eventstore.lease (name, number, until) VALUES ('lifetimes', 0, '-infinity');

-- Renews the lease for whoever holds it under the number mine, or takes it, under the next number, where its time is over. Null while another
-- holds it. Only this database's clock is asked.
CREATE FUNCTION eventstore.lease_take_1(lease_name text, mine bigint, seconds double precision) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
AS $function$
    UPDATE lease
       SET number = CASE WHEN number = mine THEN number ELSE number + 1 END,
           until = clock_timestamp() + make_interval(secs => greatest(least(seconds, 60), 0))
     WHERE name = lease_name AND (number = mine OR until <= clock_timestamp())
    RETURNING number
$function$;
REVOKE ALL ON FUNCTION eventstore.lease_take_1 FROM PUBLIC;

-- commit_jobs_4, and it turns away a batch with commands of who holds the lease of lifetimes no more: nothing is held and nothing is
-- appended, and the answer names the number that counts. Under the commit lock: who took the lease over sees all that was committed before.
CREATE FUNCTION eventstore.commit_jobs_5(
    key_namespace text[], key_name text[], key_uid uuid[], key_version bigint[], key_revision bigint[],
    event_key int[], event_id uuid[], event_stream uuid[], event_version bigint[], event_type text[], event_class text[],
    event_data jsonb[], event_user text[], event_headers jsonb[], event_request text[],
    path_event int[], path text[],
    row_event int[], row_kept boolean[], row_head text[], row_tail text[],
    wake_others boolean,
    -- the number of the last rebuild before the rows were read; null for who has just read them within the same transaction
    known_rebuild bigint,
    -- the number under which the lease is held; null where no command of the batch depends on it
    known_lease bigint,
    OUT held boolean[], OUT revisions bigint[], OUT committed_at timestamptz, OUT rebuild bigint, OUT lease bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
AS $function$
BEGIN
    LOCK TABLE commit_lock IN EXCLUSIVE MODE;
    SELECT last_value + is_called::int INTO rebuild FROM rebuilds;
    IF known_lease IS NOT NULL THEN
        SELECT l.number INTO lease FROM eventstore.lease l WHERE l.name = 'lifetimes';
    END IF;
    IF rebuild <> known_rebuild OR lease IS DISTINCT FROM known_lease THEN
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
REVOKE ALL ON FUNCTION eventstore.commit_jobs_5 FROM PUBLIC;

-- commit_jobs_whole_1 for who names the last rebuild, as commit_jobs_4 has it.
CREATE FUNCTION eventstore.commit_jobs_whole_2(
    key_namespace text[], key_name text[], key_uid uuid[], key_version bigint[], key_revision bigint[], event_key int[], event_id
    uuid[], event_stream uuid[], event_version bigint[], event_type text[], event_class text[], event_data jsonb[], event_user
    text[], event_headers jsonb[], event_request text[], path_event int[], path text[], row_event int[], row_kept boolean[],
    row_head text[], row_tail text[], wake_others boolean, known_rebuild bigint,
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
      FROM commit_jobs_whole_1(
               key_namespace, key_name, key_uid, key_version, key_revision, event_key, event_id, event_stream, event_version, event_type,
               event_class, event_data, event_user, event_headers, event_request, path_event, path, row_event, row_kept, row_head,
               row_tail, wake_others) c;
END
$function$;
REVOKE ALL ON FUNCTION eventstore.commit_jobs_whole_2 FROM PUBLIC;
