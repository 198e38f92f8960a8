-- A job may be restored, an event may say why it was asked for, and a batch may be committed whole or not at all.

-- The reason, for the index: it stands with the event, in headers -> 'reason', and is never trusted over it. Most events have none.
ALTER TABLE eventstore.revision ADD COLUMN reason text COLLATE "C";
CREATE INDEX revision_of_reason ON eventstore.revision (reason, revision) WHERE reason IS NOT NULL;

-- Where there is a reason, two more netstrings stand at the end of what is hashed: the impersonator, ":," for none, and the reason. A row of
-- 14 netstrings can be read as none of 12 or 13, and where there is no reason the hash is what it was. So every hash of before holds, and
-- a process of the release before, which never writes the member, appends as it did.
CREATE OR REPLACE FUNCTION eventstore.revision_hash_1(
    before bytea, revision bigint, uid uuid, version bigint, type text, time_us bigint, user_name text, headers jsonb, request text, data jsonb)
RETURNS bytea LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
    groups       text := headers -> 'groups';
    agent        text := headers ->> 'userAgent';
    address      text := headers ->> 'sourceAddress';
    content      text := data;
    impersonator text := headers -> 'impersonatedBy';
    reason       text := headers ->> 'reason';
BEGIN
    RETURN sha256(convert_to(concat(
        '64:', encode(before, 'hex'),
        ',', length(revision::text), ':', revision,
        ',36:', uid,
        ',', length(version::text), ':', version,
        ',', octet_length(type), ':', type,
        ',', length(time_us::text), ':', time_us,
        ',', octet_length(user_name), ':', user_name,
        ',', octet_length(groups), ':', groups,
        ',', octet_length(agent), ':', agent,
        ',', octet_length(address), ':', address,
        ',', octet_length(request), ':', request,
        ',', octet_length(content), ':', content, ',',
        CASE WHEN reason IS NULL THEN octet_length(impersonator) || ':' || impersonator || ','
             ELSE concat(octet_length(impersonator), ':', impersonator, ',', octet_length(reason), ':', reason, ',') END), 'UTF8'));
END
$function$;

-- commit_jobs_3 of V0009 again, with the same signature. New: a stream may begin with job_restored, which no process of the release before
-- sends; and the reason is written where it is found.
CREATE OR REPLACE FUNCTION eventstore.commit_jobs_3(
    key_namespace text[], key_name text[], key_uid uuid[], key_version bigint[], key_revision bigint[],
    -- the events, in the order they are to be appended; event_key is the place of the key above, from 1
    event_key int[], event_id uuid[], event_stream uuid[], event_version bigint[], event_type text[], event_class text[],
    event_data jsonb[], event_user text[], event_headers jsonb[], event_request text[],
    -- what the events are found by, as changed_paths_1 has it; path_event is the place of the event above, from 1
    path_event int[], path text[],
    -- the rows as the last event of each incarnation leaves them, in the order of those events; row_event is the place of that event above,
    -- from 1, and row_kept says whether a snapshot is kept: where the batch takes a stream over a multiple of 128 events
    row_event int[], row_kept boolean[], row_head text[], row_tail text[],
    -- whether other processes are to be woken by one notification, on channel eventstore_commit
    wake_others boolean,
    -- for each key whether it stood as named, for each event its revision (0: not appended), and the events' time
    OUT held boolean[], OUT revisions bigint[], OUT committed_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $function$
DECLARE
    head_revision bigint;
    last_revision bigint;
    drawn         bigint;
    last_hash     bytea;
    time_us       bigint;
    hashes        bytea[];
    creates       boolean := event_type && ARRAY['job_created', 'job_restored'];
    key           int;
    kind          text;
    last_event    int[]; -- for each key its last event so far, or null
    before        int;
    missing_rows  int := 0;
BEGIN
    LOCK TABLE commit_lock IN EXCLUSIVE MODE;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'commit_jobs_3 must run at READ COMMITTED, not at %', current_setting('transaction_isolation')
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
    SELECT h.revision, greatest(clock_timestamp(), h.time), h.hash INTO STRICT head_revision, committed_at, last_hash
      FROM head h ORDER BY h.revision DESC LIMIT 1;
    last_revision := head_revision;
    time_us := extract(epoch FROM committed_at) * 1000000;
    hashes := array_fill(NULL::bytea, ARRAY[cardinality(event_key)]);
    last_event := array_fill(NULL::int, ARRAY[cardinality(held)]);
    FOR i IN 1 .. cardinality(event_key) LOOP
        key := event_key[i];
        IF held[key] THEN
            kind := event_type[i];
            before := last_event[key];
            IF (CASE WHEN kind IN ('job_created', 'job_restored') THEN
                          event_version[i] = 1
                          AND CASE WHEN before IS NULL THEN key_uid[key] IS NULL ELSE event_type[before] = 'job_deleted' END
                     WHEN (kind IN ('job_patched', 'job_status_updated', 'job_replaced', 'job_rolled_back', 'job_deletion_requested',
                                    'job_deleted')) IS NOT TRUE THEN false
                     WHEN before IS NULL THEN event_stream[i] = key_uid[key] AND event_version[i] = key_version[key] + 1
                     ELSE event_stream[i] = event_stream[before] AND event_version[i] = event_version[before] + 1
                          AND event_type[before] <> 'job_deleted'
                END) IS NOT TRUE THEN
                RAISE EXCEPTION 'event % (%, version %) cannot follow what is there', i, kind, event_version[i]
                    USING ERRCODE = 'check_violation';
            END IF;
            IF before IS NULL OR kind IN ('job_created', 'job_restored') THEN
                missing_rows := missing_rows + 1;
            END IF;
            last_event[key] := i;

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
        RETURN;
    END IF;

    before := 0;
    FOR r IN 1 .. cardinality(row_event) LOOP
        key := event_key[row_event[r]];
        IF held[key] THEN
            IF (row_event[r] > before AND (last_event[key] = row_event[r] OR event_type[row_event[r]] = 'job_deleted')) IS NOT TRUE THEN
                RAISE EXCEPTION 'row % is not that of the last event of a job', r USING ERRCODE = 'check_violation';
            END IF;
            before := row_event[r];
            missing_rows := missing_rows - 1;
        END IF;
    END LOOP;
    IF missing_rows <> 0 THEN
        RAISE EXCEPTION '% jobs have events and no row', missing_rows USING ERRCODE = 'check_violation';
    END IF;

    INSERT INTO head (revision, time, hash) VALUES (last_revision, committed_at, last_hash);
    DELETE FROM head WHERE head.revision = head_revision;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'revision % is not the head any more: the commit lock did not hold', head_revision;
    END IF;

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

    INSERT INTO revision (revision, namespace, job, type, user_name, hash, reason)
    SELECT e.revision, key_namespace[e.key], key_name[e.key], e.type, e.user_name, e.hash, e.reason
      FROM (SELECT unnest(revisions) AS revision, unnest(event_key) AS key, unnest(event_type) AS type, unnest(event_user) AS user_name,
                   unnest(hashes) AS hash, unnest(event_headers) ->> 'reason' AS reason) e
     WHERE e.revision > 0;

    INSERT INTO revision_path (path, revision)
    SELECT p.path, revisions[p.event]
      FROM (SELECT unnest(commit_jobs_3.path) AS path, unnest(path_event) AS event) p
     WHERE revisions[p.event] > 0;

    -- Updates first: the batch may delete a job and create its name anew.
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

-- The same, of all or none: when a job is not as it was named, nothing is appended. The first call finds that out, and holds the lock.
CREATE FUNCTION eventstore.commit_jobs_whole_1(
    key_namespace text[], key_name text[], key_uid uuid[], key_version bigint[], key_revision bigint[], event_key int[], event_id
    uuid[], event_stream uuid[], event_version bigint[], event_type text[], event_class text[], event_data jsonb[], event_user
    text[], event_headers jsonb[], event_request text[], path_event int[], path text[], row_event int[], row_kept boolean[],
    row_head text[], row_tail text[], wake_others boolean,
    OUT held boolean[], OUT revisions bigint[], OUT committed_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
AS $function$
BEGIN
    SELECT c.held INTO held
      FROM commit_jobs_3(
               key_namespace, key_name, key_uid, key_version, key_revision, '{}', '{}', '{}', '{}', '{}', '{}',
               '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', false) c;
    revisions := array_fill(0::bigint, ARRAY[cardinality(event_key)]);
    IF true = ALL (held) THEN
        SELECT c.held, c.revisions, c.committed_at INTO held, revisions, committed_at
          FROM commit_jobs_3(
                   key_namespace, key_name, key_uid, key_version, key_revision, event_key, event_id,
                   event_stream, event_version, event_type, event_class, event_data, event_user, event_headers,
                   event_request, path_event, path, row_event, row_kept, row_head, row_tail, wake_others) c;
    END IF;
END
$function$;
REVOKE ALL ON FUNCTION eventstore.commit_jobs_whole_1 FROM PUBLIC;
