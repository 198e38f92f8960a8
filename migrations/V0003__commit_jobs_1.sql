-- The only way an event is appended: a batch of decisions of one process, checked and written in one transaction.
--
-- The batch speaks of keys (namespace, name). For each it names the incarnation, version and revision its decisions were made from,
-- or null where no job of that name lived. If a key still stands so, all its events are appended in order; if not, none is, and the
-- process decides again from what it then reads. So later events of a key can never outlive an earlier one that was refused, and a
-- key without events is a check: a verdict that changes nothing is as current as one that does.
--
-- The advisory lock is taken in a statement of its own and held through commit. The statements after it read what is committed by
-- then (READ COMMITTED gives each its own snapshot), no other batch can append meanwhile, and sequence numbers are drawn under it:
-- the order of revisions is the order of commits, and a reader that goes on behind the last revision it saw misses nothing.
--
-- The name carries a version: a new signature is a new function, so that processes of two releases can run side by side.
CREATE FUNCTION eventstore.commit_jobs_1(
    -- the keys of the batch; key_uid null: no such job lives
    key_namespace text[], key_name text[], key_uid uuid[], key_version bigint[], key_revision bigint[],
    -- the events, in the order they are to be appended; event_key is the place of the key above, from 1
    event_key int[], event_id uuid[], event_stream uuid[], event_version bigint[], event_type text[], event_class text[],
    event_data jsonb[], event_user text[], event_headers jsonb[], event_request text[],
    -- the rows as the last event of each incarnation leaves them; row_event is the place of that event above, from 1
    row_event int[], row_new boolean[], row_deleted boolean[], row_head text[], row_tail text[],
    -- whether other processes are to be woken by one notification, on channel eventstore_commit
    wake_others boolean,
    -- for each key whether it stood as named, for each event its revision (0: not appended), and the events' time
    OUT held boolean[], OUT revisions bigint[], OUT committed_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
AS $function$
DECLARE
    last_revision bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7071);
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'commit_jobs_1 must run at READ COMMITTED, not at %', current_setting('transaction_isolation')
            USING HINT = 'At a higher level the statements would read the state before the lock was granted.';
    END IF;

    SELECT array_agg(CASE WHEN k.uid IS NULL THEN j.id IS NULL
                          ELSE coalesce(j.id = k.uid AND j.mt_version = k.version AND j.revision = k.revision, false) END ORDER BY k.place)
      INTO held
      FROM unnest(key_namespace, key_name, key_uid, key_version, key_revision) WITH ORDINALITY
               AS k (namespace, name, uid, version, revision, place)
      LEFT JOIN mt_doc_current_job j
             ON (j.namespace || '/') COLLATE "C" = k.namespace || '/' AND j.name COLLATE "C" = k.name AND NOT j.deleted;

    revisions := array_fill(0::bigint, ARRAY[cardinality(event_key)]);
    FOR i IN 1 .. cardinality(event_key) LOOP
        IF held[event_key[i]] THEN
            last_revision := nextval('mt_events_sequence');
            revisions[i] := last_revision;
        END IF;
    END LOOP;
    IF last_revision IS NULL THEN
        RETURN;
    END IF;

    -- Not now(), which is when the transaction began, before it waited; and never behind an earlier event, whatever the clock does.
    UPDATE head SET revision = last_revision, time = greatest(clock_timestamp(), head.time) RETURNING head.time INTO committed_at;

    INSERT INTO mt_streams (id, version, timestamp, created)
    SELECT event_stream[row_event[r]], event_version[row_event[r]], committed_at, committed_at
      FROM generate_series(1, cardinality(row_event)) r
     WHERE row_new[r] AND revisions[row_event[r]] > 0;

    UPDATE mt_streams s
       SET version = event_version[row_event[r]], timestamp = committed_at
      FROM generate_series(1, cardinality(row_event)) r
     WHERE s.id = event_stream[row_event[r]] AND NOT row_new[r] AND revisions[row_event[r]] > 0;

    INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, mt_dotnet_type, timestamp, user_name, headers, correlation_id)
    SELECT e.*
      FROM (SELECT unnest(revisions) AS seq_id, unnest(event_id), unnest(event_stream), unnest(event_version), unnest(event_data),
                   unnest(event_type), unnest(event_class), committed_at, unnest(event_user), unnest(event_headers),
                   unnest(event_request)) e
     WHERE e.seq_id > 0;

    -- Updates first: the batch may delete a job and create its name anew.
    UPDATE mt_doc_current_job j
       SET data = current_job_1(j.id, j.namespace, j.name, row_deleted[r], event_version[e], revisions[e], row_head[r], row_tail[r]),
           mt_last_modified = committed_at, mt_version = event_version[e], deleted = row_deleted[r], revision = revisions[e]
      FROM (SELECT r, row_event[r] AS e FROM generate_series(1, cardinality(row_event)) r) rows
     WHERE j.id = event_stream[e] AND NOT row_new[r] AND revisions[e] > 0;

    INSERT INTO mt_doc_current_job (id, data, mt_last_modified, mt_dotnet_type, mt_version, namespace, name, deleted, revision)
    SELECT event_stream[e], current_job_1(event_stream[e], key_namespace[event_key[e]], key_name[event_key[e]], row_deleted[r],
                                          event_version[e], revisions[e], row_head[r], row_tail[r]),
           committed_at, 'EventStore.Server.Store.CurrentJob', event_version[e], key_namespace[event_key[e]],
           key_name[event_key[e]], row_deleted[r], revisions[e]
      FROM (SELECT r, row_event[r] AS e FROM generate_series(1, cardinality(row_event)) r) rows
     WHERE row_new[r] AND revisions[e] > 0;

    IF wake_others THEN
        PERFORM pg_notify('eventstore_commit', last_revision::text);
    END IF;
END
$function$;

-- The document of Store/CurrentJob.cs. The object is printed by the process that decided; only its revision is filled in here.
CREATE FUNCTION eventstore.current_job_1(
    uid uuid, namespace text, name text, deleted boolean, version bigint, revision bigint, head text, tail text)
RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN jsonb_build_object('id', uid, 'namespace', namespace, 'name', name, 'deleted', deleted, 'version', version,
                          'revision', revision, 'text', head || revision || tail);

REVOKE ALL ON FUNCTION eventstore.commit_jobs_1 FROM PUBLIC;
