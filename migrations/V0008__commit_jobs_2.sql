-- The commit function, told what it had to find out: the paths an event is found by, which it read out of every event's jsonb, and which
-- rows are due a snapshot. What V0003 says of keys, of the lock and of the order, and V0004 of the chain and of the plans, still holds.
CREATE FUNCTION eventstore.commit_jobs_2(
    -- the keys of the batch; key_uid null: no such job lives
    key_namespace text[], key_name text[], key_uid uuid[], key_version bigint[], key_revision bigint[],
    -- the events, in the order they are to be appended; event_key is the place of the key above, from 1
    event_key int[], event_id uuid[], event_stream uuid[], event_version bigint[], event_type text[], event_class text[],
    event_data jsonb[], event_user text[], event_headers jsonb[], event_request text[],
    -- what the events are found by, as changed_paths_1 has it; path_event is the place of the event above, from 1
    path_event int[], path text[],
    -- the rows as the last event of each incarnation leaves them; row_event is the place of that event above, from 1, and row_kept says
    -- whether a snapshot is kept: where the batch takes a stream over a multiple of 128 events
    row_event int[], row_new boolean[], row_deleted boolean[], row_kept boolean[], row_head text[], row_tail text[],
    -- whether other processes are to be woken by one notification, on channel eventstore_commit
    wake_others boolean,
    -- for each key whether it stood as named, for each event its revision (0: not appended), and the events' time
    OUT held boolean[], OUT revisions bigint[], OUT committed_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $function$
DECLARE
    last_revision bigint;
    last_hash     bytea;
    time_us       bigint;
    hashes        bytea[];
    creates       boolean := true = ANY (row_new);
BEGIN
    PERFORM pg_advisory_xact_lock(7071);
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'commit_jobs_2 must run at READ COMMITTED, not at %', current_setting('transaction_isolation')
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
    IF cardinality(event_key) = 0 OR true <> ALL (held) THEN
        RETURN;
    END IF;

    -- Not now(), which is when the transaction began, before it waited; and never behind an earlier event, whatever the clock does.
    SELECT greatest(clock_timestamp(), head.time), head.hash INTO committed_at, last_hash FROM head;
    time_us := extract(epoch FROM committed_at) * 1000000;
    hashes := array_fill(NULL::bytea, ARRAY[cardinality(event_key)]);
    FOR i IN 1 .. cardinality(event_key) LOOP
        IF held[event_key[i]] THEN
            last_revision := nextval('mt_events_sequence');
            last_hash := revision_hash_1(last_hash, last_revision, event_stream[i], event_version[i], event_type[i], time_us, event_user[i],
                                         event_headers[i], event_request[i], event_data[i]);
            revisions[i] := last_revision;
            hashes[i] := last_hash;
        END IF;
    END LOOP;
    IF last_revision IS NULL THEN
        RETURN;
    END IF;

    UPDATE head SET revision = last_revision, time = committed_at, hash = last_hash;

    IF creates THEN
        INSERT INTO mt_streams (id, version, timestamp, created)
        SELECT event_stream[row_event[r]], event_version[row_event[r]], committed_at, committed_at
          FROM generate_series(1, cardinality(row_event)) r
         WHERE row_new[r] AND revisions[row_event[r]] > 0;
    END IF;

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

    INSERT INTO revision (revision, namespace, job, type, user_name, hash)
    SELECT e.revision, key_namespace[e.key], key_name[e.key], e.type, e.user_name, e.hash
      FROM (SELECT unnest(revisions) AS revision, unnest(event_key) AS key, unnest(event_type) AS type, unnest(event_user) AS user_name,
                   unnest(hashes) AS hash) e
     WHERE e.revision > 0;

    INSERT INTO revision_path (path, revision)
    SELECT p.path, revisions[p.event]
      FROM (SELECT unnest(commit_jobs_2.path) AS path, unnest(path_event) AS event) p
     WHERE revisions[p.event] > 0;

    -- Updates first: the batch may delete a job and create its name anew.
    UPDATE mt_doc_current_job j
       SET data = current_job_1(j.id, j.namespace, j.name, row_deleted[r], event_version[e], revisions[e], row_head[r], row_tail[r]),
           mt_last_modified = committed_at, mt_version = event_version[e], deleted = row_deleted[r], revision = revisions[e]
      FROM (SELECT r, row_event[r] AS e FROM generate_series(1, cardinality(row_event)) r) rows
     WHERE j.id = event_stream[e] AND NOT row_new[r] AND revisions[e] > 0;

    IF creates THEN
        INSERT INTO mt_doc_current_job (id, data, mt_last_modified, mt_dotnet_type, mt_version, namespace, name, deleted, revision)
        SELECT event_stream[e], current_job_1(event_stream[e], key_namespace[event_key[e]], key_name[event_key[e]], row_deleted[r],
                                              event_version[e], revisions[e], row_head[r], row_tail[r]),
               committed_at, 'EventStore.Server.Store.CurrentJob', event_version[e], key_namespace[event_key[e]],
               key_name[event_key[e]], row_deleted[r], revisions[e]
          FROM (SELECT r, row_event[r] AS e FROM generate_series(1, cardinality(row_event)) r) rows
         WHERE row_new[r] AND revisions[e] > 0;
    END IF;

    IF true = ANY (row_kept) THEN
        INSERT INTO job_snapshot (uid, revision, version, text)
        SELECT event_stream[e], revisions[e], event_version[e], row_head[r] || revisions[e] || row_tail[r]
          FROM (SELECT r, row_event[r] AS e FROM generate_series(1, cardinality(row_event)) r) rows
         WHERE row_kept[r] AND revisions[e] > 0;
    END IF;

    IF wake_others THEN
        PERFORM pg_notify('eventstore_commit', last_revision::text);
    END IF;
END
$function$;

REVOKE ALL ON FUNCTION eventstore.commit_jobs_2 FROM PUBLIC;

-- For a process of the release before, which goes on appending beside the new ones: it finds out for itself what commit_jobs_2 is told.
CREATE OR REPLACE FUNCTION eventstore.commit_jobs_1(
    key_namespace text[], key_name text[], key_uid uuid[], key_version bigint[], key_revision bigint[],
    event_key int[], event_id uuid[], event_stream uuid[], event_version bigint[], event_type text[], event_class text[],
    event_data jsonb[], event_user text[], event_headers jsonb[], event_request text[],
    row_event int[], row_new boolean[], row_deleted boolean[], row_head text[], row_tail text[],
    wake_others boolean,
    OUT held boolean[], OUT revisions bigint[], OUT committed_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
AS $function$
DECLARE
    path_event int[];
    path       text[];
    row_kept   boolean[];
BEGIN
    SELECT coalesce(array_agg(e), '{}'), coalesce(array_agg(p.path), '{}') INTO path_event, path
      FROM generate_series(1, cardinality(event_key)) e, changed_paths_1(event_type[e], event_data[e]) p (path);
    SELECT coalesce(array_agg(event_version[e] / 128 > CASE WHEN row_new[r] THEN 0 ELSE key_version[event_key[e]] / 128 END ORDER BY r), '{}')
      INTO row_kept
      FROM (SELECT r, row_event[r] AS e FROM generate_series(1, cardinality(row_event)) r) rows;
    SELECT c.held, c.revisions, c.committed_at INTO held, revisions, committed_at
      FROM commit_jobs_2(
               key_namespace, key_name, key_uid, key_version, key_revision, event_key, event_id, event_stream, event_version, event_type,
               event_class, event_data, event_user, event_headers, event_request, path_event, path, row_event, row_new, row_deleted,
               row_kept, row_head, row_tail, wake_others) c;
END
$function$;
