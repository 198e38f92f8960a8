-- The past: one row for each event, found by what people ask for, and linked to the row before it by a hash. Marten's own tables stay
-- as Marten expects them.
--
-- Nobody may append between the linking of what is there and the new function: the lock is held to the end of this migration. Whoever
-- waits for it within the old function is turned away by a trigger below, and comes back through the new one.
SELECT pg_advisory_xact_lock(7071);

-- namespace, job, type and user_name repeat what the event and its incarnation say, for the indexes: every list of revisions is the
-- newest (or oldest) of one prefix, in order, read from its end. They are rebuilt from the events and never trusted over them.
CREATE TABLE eventstore.revision (
    revision    bigint              NOT NULL PRIMARY KEY,
    namespace   text COLLATE "C"    NOT NULL,
    job         text COLLATE "C"    NOT NULL,
    type        text COLLATE "C"    NOT NULL,
    user_name   text COLLATE "C"    NOT NULL,
    hash        bytea               NOT NULL
);
CREATE INDEX revision_of_job ON eventstore.revision (namespace, job, revision);
CREATE INDEX revision_of_type ON eventstore.revision (type, revision);
CREATE INDEX revision_of_user ON eventstore.revision (user_name, revision);

-- One row for each field an event changed: "every change to this field, by whom". A label or annotation is found by its own path and by
-- that of them all.
CREATE TABLE eventstore.revision_path (
    path        text COLLATE "C"    NOT NULL,
    revision    bigint              NOT NULL,
    PRIMARY KEY (path, revision)
);

-- Some jobs as they once were, so that a job with a long history can be read at any revision without folding all of it. Never trusted
-- over the events: verify compares each with them, rebuild makes them anew.
CREATE TABLE eventstore.job_snapshot (
    uid         uuid                NOT NULL,
    revision    bigint              NOT NULL,
    version     bigint              NOT NULL,
    text        text                NOT NULL,
    PRIMARY KEY (uid, revision)
);

-- The paths an event changed, as they are to be found.
CREATE FUNCTION eventstore.changed_paths_1(type text, data jsonb)
RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT p.path FROM jsonb_array_elements_text(data -> 'paths') p (path)
    UNION
    SELECT substring(p.path FROM '^metadata\.(?:labels|annotations)') FROM jsonb_array_elements_text(data -> 'paths') p (path)
     WHERE p.path ~ '^metadata\.(?:labels|annotations)[.[]'
    UNION
    SELECT 'metadata.deletionTimestamp' WHERE type = 'job_deletion_requested'
$function$;

-- The link of the chain. What is hashed is a row of netstrings ("5:admin,", the length in bytes): the hash before, in hex; revision; uid;
-- version; type; time in microseconds since 1970; user; groups as jsonb text; user agent; source address; request id; data as jsonb text.
CREATE FUNCTION eventstore.revision_hash_1(
    before bytea, revision bigint, uid uuid, version bigint, type text, time_us bigint, user_name text, headers jsonb, request text, data jsonb)
RETURNS bytea LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
    groups  text := headers -> 'groups';
    agent   text := headers ->> 'userAgent';
    address text := headers ->> 'sourceAddress';
    content text := data;
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
        ',', octet_length(content), ':', content, ','), 'UTF8'));
END
$function$;

-- Where the chain ends. Before the first event stands SHA-256's length of zeros.
ALTER TABLE eventstore.head ADD COLUMN hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex');

-- Nobody moves the head and leaves the chain where it was.
CREATE FUNCTION eventstore.refuse_unlinked() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION 'revision % is not linked to the one before', NEW.revision
        USING HINT = 'The schema was changed while this batch waited. Try it again.';
END
$function$;
CREATE TRIGGER head_is_linked BEFORE UPDATE ON eventstore.head
    FOR EACH ROW WHEN (NEW.revision > OLD.revision AND NEW.hash = OLD.hash) EXECUTE FUNCTION eventstore.refuse_unlinked();

-- What was written before this migration is linked and found like everything after it.
DO $$
DECLARE
    event     record;
    last_hash bytea := decode(repeat('00', 32), 'hex');
BEGIN
    FOR event IN
        SELECT e.seq_id, e.stream_id, e.version, e.type, e.data, e.timestamp, e.user_name, e.headers, e.correlation_id, j.namespace, j.name
          FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id ORDER BY e.seq_id
    LOOP
        last_hash := eventstore.revision_hash_1(
            last_hash, event.seq_id, event.stream_id, event.version, event.type, (extract(epoch FROM event.timestamp) * 1000000)::bigint,
            event.user_name, event.headers, event.correlation_id, event.data);
        INSERT INTO eventstore.revision (revision, namespace, job, type, user_name, hash)
        VALUES (event.seq_id, event.namespace, event.name, event.type, event.user_name, last_hash);
    END LOOP;
    INSERT INTO eventstore.revision_path (path, revision)
    SELECT p.path, e.seq_id FROM eventstore.mt_events e, eventstore.changed_paths_1(e.type, e.data) p (path);
    UPDATE eventstore.head SET hash = last_hash;
END
$$;

-- commit_jobs_1 again, with the same signature, so that a process of the release before appends in the same way. What V0003 says of keys,
-- of the lock and of the order still holds. New: each event is linked to the one before by a hash, what the history is found by is written,
-- and so is a snapshot of a job about every 128 events.
--
-- The plans are made once a connection, not once a batch, which saves a third of the call. They are never to depend on how large a table
-- happened to be then: a batch is small, and every table is entered by its index.
CREATE OR REPLACE FUNCTION eventstore.commit_jobs_1(
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
    SELECT revisions[e], key_namespace[event_key[e]], key_name[event_key[e]], event_type[e], event_user[e], hashes[e]
      FROM generate_series(1, cardinality(event_key)) e
     WHERE revisions[e] > 0;

    INSERT INTO revision_path (path, revision)
    SELECT p.path, revisions[e]
      FROM generate_series(1, cardinality(event_key)) e, changed_paths_1(event_type[e], event_data[e]) p (path)
     WHERE revisions[e] > 0;

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

    -- Where this batch took a stream over a multiple of 128 events: there is one at least every 128 events and the batch's own.
    INSERT INTO job_snapshot (uid, revision, version, text)
    SELECT event_stream[e], revisions[e], event_version[e], row_head[r] || revisions[e] || row_tail[r]
      FROM (SELECT r, row_event[r] AS e FROM generate_series(1, cardinality(row_event)) r) rows
     WHERE revisions[e] > 0
       AND event_version[e] / 128 > CASE WHEN row_new[r] THEN 0 ELSE key_version[event_key[e]] / 128 END;

    IF wake_others THEN
        PERFORM pg_notify('eventstore_commit', last_revision::text);
    END IF;
END
$function$;
