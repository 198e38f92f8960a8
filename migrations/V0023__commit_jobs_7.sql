-- The function that appends, whole and in one place. Until now its text was that of V0013 as V0016 and V0018 had changed it, behind the
-- function of V0019, and a batch of all or none took two further functions. This one does what those did together, in one call.

-- Appends a batch: what one server has decided upon for some jobs, checked and written in one transaction. A server
-- appends in no other way.
--
-- A batch names its jobs by their keys, (namespace, name). For each it says which incarnation, version and revision the decisions were made
-- from (optimistic concurrency control), or null where no job of that name lived. Where that still holds, all events of the key are
-- appended in order; where it does not, none is, and the server decides again upon the job as it is now. So no event of a key is kept whose
-- predecessor in the batch was refused. A key without events is a check only: a verdict that changes nothing is as current as one that
-- does.
--
-- A race that is to be expected is answered, in 'held'. What no server of ours sends is raised as a check_violation, and nothing is stored.
--
-- One batch commits at a time: the commit lock is taken first and held until the transaction ends. Revisions are drawn under it, so their
-- order is the order of commits, and a reader that goes on behind the last revision it has seen misses nothing.
--
-- * SECURITY DEFINER: the serving role may call this and write to none of the tables. The search path ends with pg_temp, or the caller
--   could put tables and functions of its own before ours, which would be used with the owner's rights.
-- * Plans: one generic plan for each statement of a session, since planning cost a third of a call. It must suit tables that grow from
--   nothing to millions of rows. A batch is short, and every table is entered by an index, so the other methods are switched off, whatever
--   the statistics say.
CREATE FUNCTION eventstore.commit_jobs_7(
    -- The keys; key_uid is null where no job of that name lived.
    key_namespace text[], key_name text[], key_uid uuid[], key_version bigint[], key_revision bigint[],
    -- The events in the order they are to be appended; event_key is the place of the event's key in the arrays above, from 1.
    event_key int[], event_id uuid[], event_stream uuid[], event_version bigint[], event_type text[], event_class text[],
    event_data jsonb[], event_user text[], event_headers jsonb[], event_request text[],
    -- The paths that the events are found by; path_event is the place of the event, from 1.
    path_event int[], path text[],
    -- The current jobs: for each incarnation the job as its last event leaves it, in the order of those events. row_event is the place of
    -- that event, from 1; row_kept says whether a snapshot is kept; the job's text is row_head, the revision, row_tail.
    row_event int[], row_kept boolean[], row_head text[], row_tail text[],
    -- Whether to notify the other servers.
    wake_others boolean,
    -- Whether nothing at all is to be appended where one of the keys does not stand as named.
    all_or_none boolean,
    -- The fence: what the server knew when it read the jobs. The last rebuild, null for who has read them in this very transaction; the
    -- number under which it holds the lease of lifetimes, null where no command of the batch needs it; the last epoch and the last revision
    -- it has seen, null for who has no memory.
    known_rebuild bigint, known_lease bigint, known_epoch bigint, known_revision bigint,
    -- For each key whether it stood as named; for each event its revision, or 0 where it was not appended; the time of the events; and what
    -- the database has where the caller named a rebuild, a lease and an epoch.
    OUT held boolean[], OUT revisions bigint[], OUT committed_at timestamptz, OUT rebuild bigint, OUT lease bigint, OUT epoch bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $function$
DECLARE
    head_revision bigint;  -- the last revision before this batch
    last_revision bigint;  -- the last revision so far
    last_hash     bytea;   -- and its hash
    drawn         bigint;
    time_us       bigint;
    hashes        bytea[]; -- for each event its hash, or null where it is not appended
    creates       boolean := event_type && ARRAY['job_created', 'job_restored'];
    key           int;
    kind          text;
    last_event    int[];   -- for each key the place of its last event so far, or null
    previous      int;
    missing_rows  int := 0;
BEGIN
    -- 1. The commit lock, in a statement of its own. At READ COMMITTED each statement after it reads what is committed by then. At a higher
    --    level all would read the state from before the wait, so that is refused.
    LOCK TABLE commit_lock IN EXCLUSIVE MODE;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'commit_jobs_7 must run at READ COMMITTED, not at %', current_setting('transaction_isolation')
            USING HINT = 'At a higher level the statements would read the state before the lock was granted.';
    END IF;

    -- 2. The fencing tokens. After a rebuild the jobs that the server remembers may have a wrong text at the right version. Who has lost
    --    the lease may not end lifetimes. In another epoch revisions that the server has seen are lost; epoch_now_1 answers 0 where one has
    --    to begin first. In each case nothing is held. The server learns the number that counts, forgets what it remembers, and decides
    --    again.
    SELECT last_value + is_called::int INTO rebuild FROM rebuilds;
    IF known_lease IS NOT NULL THEN
        SELECT l.number INTO lease FROM lease l WHERE l.name = 'lifetimes';
    END IF;
    IF known_epoch IS NOT NULL THEN
        epoch := epoch_now_1(known_revision);
    END IF;
    IF rebuild <> known_rebuild OR lease IS DISTINCT FROM known_lease OR epoch IS DISTINCT FROM known_epoch THEN
        held := array_fill(false, ARRAY[cardinality(key_namespace)]);
        revisions := array_fill(0::bigint, ARRAY[cardinality(event_key)]);
        RETURN;
    END IF;

    -- 3. Does each key still stand as named? LATERAL with a LIMIT can only be answered name by name, by the index of living jobs. A plain
    --    join once read all living jobs for each name, because the statistics said that hardly any lived.
    SELECT array_agg(CASE WHEN k.uid IS NULL THEN j.id IS NULL
                          ELSE coalesce(j.id = k.uid AND j.mt_version = k.version AND j.revision = k.revision, false) END ORDER BY k.place)
      INTO held
      FROM unnest(key_namespace, key_name, key_uid, key_version, key_revision) WITH ORDINALITY
               AS k (namespace, name, uid, version, revision, place)
      LEFT JOIN LATERAL (
           SELECT c.id, c.mt_version, c.revision FROM mt_doc_current_job c
            WHERE (c.namespace || '/') COLLATE "C" = k.namespace || '/' AND c.name COLLATE "C" = k.name AND NOT c.deleted
            LIMIT 1) j ON true;
    revisions := array_fill(0::bigint, ARRAY[cardinality(event_key)]);
    IF cardinality(event_key) = 0 OR true <> ALL (held) OR (all_or_none AND false = ANY (held)) THEN
        RETURN;
    END IF;

    -- 4. The head, read from its index: as long as a backup holds a snapshot, all old versions of the row stay, and a scan would read each
    --    of them. The time is not now(), which is when the transaction began and before it waited for the lock. It never runs against the
    --    revisions, whatever the clock does.
    SELECT h.revision, greatest(clock_timestamp(), h.time), h.hash INTO STRICT head_revision, committed_at, last_hash
      FROM head h ORDER BY h.revision DESC LIMIT 1;

    -- 5. Each event is checked, numbered, and linked to the one before by its hash. A stream begins with a creation or restoration of a
    --    name that is free, its versions follow one another, and nothing follows a deletion. The server has decided so already; this holds
    --    for one that was taken over, too. IS NOT TRUE, because a comparison with null is null and must not pass.
    last_revision := head_revision;
    time_us := extract(epoch FROM committed_at) * 1000000;
    hashes := array_fill(NULL::bytea, ARRAY[cardinality(event_key)]);
    last_event := array_fill(NULL::int, ARRAY[cardinality(held)]);
    FOR i IN 1 .. cardinality(event_key) LOOP
        key := event_key[i];
        IF held[key] THEN
            kind := event_type[i];
            previous := last_event[key];
            IF (CASE WHEN kind IN ('job_created', 'job_restored') THEN
                          event_version[i] = 1
                          AND CASE WHEN previous IS NULL THEN key_uid[key] IS NULL ELSE event_type[previous] = 'job_deleted' END
                     WHEN (kind IN ('job_patched', 'job_status_updated', 'job_replaced', 'job_rolled_back', 'job_applied',
                                    'job_deletion_requested', 'job_deleted')) IS NOT TRUE THEN false
                     WHEN previous IS NULL THEN event_stream[i] = key_uid[key] AND event_version[i] = key_version[key] + 1
                     ELSE event_stream[i] = event_stream[previous] AND event_version[i] = event_version[previous] + 1
                          AND event_type[previous] <> 'job_deleted'
                END) IS NOT TRUE THEN
                RAISE EXCEPTION 'event % (%, version %) cannot follow what is there', i, kind, event_version[i]
                    USING ERRCODE = 'check_violation';
            END IF;
            IF previous IS NULL OR kind IN ('job_created', 'job_restored') THEN
                missing_rows := missing_rows + 1; -- the first event of an incarnation in this batch: a row is due
            END IF;
            last_event[key] := i;

            -- Logical replication and some restores leave the sequence behind the events. Such a number was given out before.
            drawn := nextval('mt_events_sequence');
            IF drawn <= last_revision THEN
                PERFORM setval('mt_events_sequence', last_revision);
                RAISE WARNING 'the sequence of revisions was at %, behind revision %: it was moved up', drawn, last_revision;
                drawn := nextval('mt_events_sequence');
            END IF;
            last_revision := drawn;
            last_hash := revision_hash_1(last_hash, last_revision, event_stream[i], event_version[i], kind, time_us, event_user[i],
                                         event_headers[i], event_request[i], event_data[i]);
            revisions[i] := last_revision;
            hashes[i] := last_hash;
        END IF;
    END LOOP;
    IF last_revision = head_revision THEN
        RETURN; -- the keys that are held have no events
    END IF;

    -- 6. There is one row for each incarnation that has events, of its last event, and they are in the order of those events.
    previous := 0;
    FOR r IN 1 .. cardinality(row_event) LOOP
        key := event_key[row_event[r]];
        IF held[key] THEN
            IF (row_event[r] > previous AND (last_event[key] = row_event[r] OR event_type[row_event[r]] = 'job_deleted')) IS NOT TRUE THEN
                RAISE EXCEPTION 'row % is not that of the last event of a job', r USING ERRCODE = 'check_violation';
            END IF;
            previous := row_event[r];
            missing_rows := missing_rows - 1;
        END IF;
    END LOOP;
    IF missing_rows <> 0 THEN
        RAISE EXCEPTION '% jobs have events and no row', missing_rows USING ERRCODE = 'check_violation';
    END IF;

    -- 7. The head moves on: insert and delete, because an UPDATE that raises the revision is that of a function of long ago, which a
    --    trigger refuses. If the old head is gone, somebody else has committed meanwhile, which the lock should have prevented.
    INSERT INTO head (revision, time, hash) VALUES (last_revision, committed_at, last_hash);
    DELETE FROM head WHERE head.revision = head_revision;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'revision % is not the head any more: the commit lock did not hold', head_revision;
    END IF;

    -- 8. Marten's streams and events. Where a row's stream is not the one its key named, it begins here.
    IF creates THEN
        INSERT INTO mt_streams (id, version, timestamp, created)
        SELECT event_stream[row_event[r]], event_version[row_event[r]], committed_at, committed_at
          FROM generate_series(1, cardinality(row_event)) r
         WHERE revisions[row_event[r]] > 0
           AND event_stream[row_event[r]] IS DISTINCT FROM key_uid[event_key[row_event[r]]];
    END IF;

    UPDATE mt_streams s
       SET version = event_version[row_event[r]], timestamp = committed_at
      FROM generate_series(1, cardinality(row_event)) r
     WHERE s.id = event_stream[row_event[r]] AND revisions[row_event[r]] > 0
       AND event_stream[row_event[r]] = key_uid[event_key[row_event[r]]];

    INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, mt_dotnet_type, timestamp, user_name, headers, correlation_id)
    SELECT e.*
      FROM (SELECT unnest(revisions) AS seq_id, unnest(event_id), unnest(event_stream), unnest(event_version), unnest(event_data),
                   unnest(event_type), unnest(event_class), committed_at, unnest(event_user), unnest(event_headers),
                   unnest(event_request)) e
     WHERE e.seq_id > 0;

    -- 9. The index of the history: what the events are found by.
    INSERT INTO revision (revision, namespace, job, type, user_name, hash, reason)
    SELECT e.revision, key_namespace[e.key], key_name[e.key], e.type, e.user_name, e.hash, e.reason
      FROM (SELECT unnest(revisions) AS revision, unnest(event_key) AS key, unnest(event_type) AS type, unnest(event_user) AS user_name,
                   unnest(hashes) AS hash, unnest(event_headers) ->> 'reason' AS reason) e
     WHERE e.revision > 0;

    INSERT INTO revision_path (path, revision)
    SELECT p.path, revisions[p.event]
      FROM (SELECT unnest(commit_jobs_7.path) AS path, unnest(path_event) AS event) p
     WHERE revisions[p.event] > 0;

    -- 10. The current jobs. Updates first: one name lives once, and the batch may delete a job and create its name anew.
    UPDATE mt_doc_current_job j
       SET data = current_job_1(j.id, j.namespace, j.name, event_type[e] = 'job_deleted', event_version[e], revisions[e],
                                row_head[r], row_tail[r]),
           mt_last_modified = committed_at, mt_version = event_version[e], deleted = event_type[e] = 'job_deleted',
           revision = revisions[e]
      FROM (SELECT r, row_event[r] AS e FROM generate_series(1, cardinality(row_event)) r) rows
     WHERE j.id = event_stream[e] AND revisions[e] > 0 AND event_stream[e] = key_uid[event_key[e]];

    IF creates THEN
        INSERT INTO mt_doc_current_job (id, data, mt_last_modified, mt_dotnet_type, mt_version, namespace, name, deleted, revision)
        SELECT event_stream[e], current_job_1(event_stream[e], key_namespace[event_key[e]], key_name[event_key[e]],
                                              event_type[e] = 'job_deleted', event_version[e], revisions[e], row_head[r], row_tail[r]),
               committed_at, 'EventStore.Server.Store.CurrentJob', event_version[e], key_namespace[event_key[e]],
               key_name[event_key[e]], event_type[e] = 'job_deleted', revisions[e]
          FROM (SELECT r, row_event[r] AS e FROM generate_series(1, cardinality(row_event)) r) rows
         WHERE revisions[e] > 0 AND event_stream[e] IS DISTINCT FROM key_uid[event_key[e]];
    END IF;

    -- 11. A snapshot of a job about every 128 events, from which its past is read. After the events: its trigger reads what they touched.
    IF true = ANY (row_kept) THEN
        INSERT INTO job_snapshot (uid, revision, version, text)
        SELECT event_stream[e], revisions[e], event_version[e], row_head[r] || revisions[e] || row_tail[r]
          FROM (SELECT r, row_event[r] AS e FROM generate_series(1, cardinality(row_event)) r) rows
         WHERE row_kept[r] AND revisions[e] > 0;
    END IF;

    -- 12. One notification for the feeds of the other servers. PostgreSQL delivers it after the commit.
    IF wake_others THEN
        PERFORM pg_notify('eventstore_commit', last_revision::text);
    END IF;
END
$function$;
REVOKE ALL ON FUNCTION eventstore.commit_jobs_7 FROM PUBLIC;

-- A server of the release before may serve beside one of this release. It calls commit_jobs_6, which calls commit_jobs_3, and
-- commit_jobs_whole_3, which calls commit_jobs_whole_1 and by that commit_jobs_3: those four stay as they are, for a call that is under way
-- too. The functions of older releases go.
DROP FUNCTION eventstore.commit_jobs_2, eventstore.commit_jobs_4, eventstore.commit_jobs_5, eventstore.commit_jobs_whole_2,
    eventstore.wait_for_commits_1;
