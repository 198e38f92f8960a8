-- A revision never means two things, whatever was lost. Where another primary serves, or a backup was restored, nobody can know whether revisions
-- that clients hold are missing. So a new epoch begins: the sequence moves beyond everything that was ever given out, and a record says which
-- revisions are known to be lost. Decision paper 0014 tells why.

-- An epoch begins behind a revision, and all its revisions are above its floor: those between were given out and lost, or never given out.
-- Where it was served is told by the system identifier, the timeline and the database's oid. They are the same on a primary and on a
-- standby that follows it; a promotion and a recovery to a point in time change the timeline, a restored dump at least the oid.
CREATE TABLE eventstore.epoch (
    number      bigint      NOT NULL PRIMARY KEY,
    revision    bigint      NOT NULL,
    floor       bigint      NOT NULL,
    system      bigint      NOT NULL,
    timeline    bigint      NOT NULL,
    database    bigint      NOT NULL,
    lost_from   bigint,
    lost_to     bigint,
    began       timestamptz NOT NULL,
    hash        bytea       NOT NULL
);

-- Where this session is. Whoever hosts PostgreSQL for others may let nobody read the control file: then the system identifier is 0.
CREATE FUNCTION eventstore.epoch_here_1(OUT system bigint, OUT timeline bigint, OUT database bigint)
LANGUAGE plpgsql VOLATILE SET search_path = eventstore, pg_temp
AS $function$
BEGIN
    SELECT ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint, d.oid::bigint INTO timeline, database
      FROM pg_database d WHERE d.datname = current_database();
    BEGIN
        SELECT c.system_identifier INTO system FROM pg_control_system() c;
    EXCEPTION WHEN insufficient_privilege THEN
        system := 0;
    END;
END
$function$;
REVOKE ALL ON FUNCTION eventstore.epoch_here_1 FROM PUBLIC;

-- The link of an epoch in the chain, a row of netstrings as that of an event: the hash before, in hex; "epoch", where an event has its
-- revision; number; revision; floor; system; timeline; database; lost_from; lost_to; time in microseconds since 1970. What is null is ":,".
CREATE FUNCTION eventstore.epoch_hash_1(
    before bytea, number bigint, revision bigint, floor bigint, system bigint, timeline bigint, database bigint, lost_from bigint,
    lost_to bigint, time_us bigint)
RETURNS bytea LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
    RETURN sha256(convert_to(concat(
        '64:', encode(before, 'hex'),
        ',5:epoch',
        ',', length(number::text), ':', number,
        ',', length(revision::text), ':', revision,
        ',', length(floor::text), ':', floor,
        ',', length(system::text), ':', system,
        ',', length(timeline::text), ':', timeline,
        ',', length(database::text), ':', database,
        ',', length(lost_from::text), ':', lost_from,
        ',', length(lost_to::text), ':', lost_to,
        ',', length(time_us::text), ':', time_us, ','), 'UTF8'));
END
$function$;

-- Begins an epoch, whatever there is to be lost; for the owner. It is called by epoch_check_1, by an import, and by hand where files of the
-- database were put back that look like those that were served: the copy of a volume.
--
-- The jump is 2^32 above everything that the sequence has ever given out here, and above what the caller has seen. That is more than can be
-- lost between two backups (49 days of 1,000 changes a second), and still leaves room for two million epochs below 2^53, up to which
-- every client that reads numbers as JavaScript does tells two revisions apart.
CREATE FUNCTION eventstore.epoch_add_1(
    lost_from bigint DEFAULT NULL, lost_to bigint DEFAULT NULL, known_epoch bigint DEFAULT NULL, known_revision bigint DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
AS $function$
DECLARE
    last     head%ROWTYPE;
    here     record := epoch_here_1();
    next     epoch%ROWTYPE;
BEGIN
    LOCK TABLE commit_lock IN EXCLUSIVE MODE;
    SELECT * INTO STRICT last FROM head h ORDER BY h.revision DESC LIMIT 1;
    SELECT greatest(max(e.number), known_epoch, 0) + 1, greatest(max(e.floor), last.revision, known_revision, s.last_value) + 4294967296
      INTO next.number, next.floor
      FROM mt_events_sequence s LEFT JOIN epoch e ON true GROUP BY s.last_value;
    next.revision := last.revision;
    next.system := here.system;
    next.timeline := here.timeline;
    next.database := here.database;
    next.lost_from := lost_from;
    next.lost_to := lost_to;
    next.began := greatest(clock_timestamp(), last.time);
    next.hash := epoch_hash_1(
        last.hash, next.number, next.revision, next.floor, next.system, next.timeline, next.database, lost_from, lost_to,
        (extract(epoch FROM next.began) * 1000000)::bigint);
    PERFORM setval('mt_events_sequence', next.floor); -- a rollback does not undo it, and need not
    INSERT INTO epoch SELECT next.*;
    UPDATE head SET hash = next.hash;
    RETURN next.number;
END
$function$;
REVOKE ALL ON FUNCTION eventstore.epoch_add_1 FROM PUBLIC;

-- Begins an epoch if this is not where the last one was served, or if the caller has seen revisions that are missing here. Called by a
-- server with each new session by which it commits, and when it has lost its session: before it commits or answers from memory.
--
-- A revision that the caller has seen is missing if it is above the head, or between the revision and the floor of an epoch. Those that are
-- recorded already are not recorded again: two servers that saw different things agree on the higher one.
CREATE FUNCTION eventstore.epoch_check_1(
    -- the last epoch the caller knows and the last revision it has seen; null for who knows nothing
    known_epoch bigint, known_revision bigint, known_system bigint, known_timeline bigint,
    -- the last epoch, the head, and whether the epoch has begun by this call; or whether this is a former primary: then nothing was changed
    OUT number bigint, OUT revision bigint, OUT has_begun boolean, OUT is_former boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
AS $function$
DECLARE
    here      record := epoch_here_1();
    last      epoch%ROWTYPE;
    gap       epoch%ROWTYPE;
    lost_from bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'epoch_check_1 must run at READ COMMITTED, not at %', current_setting('transaction_isolation')
            USING HINT = 'At a higher level the statements would read the state before the lock was granted.';
    END IF;
    IF known_revision > 4503599627370496 THEN -- 2^52: half of the numbers are kept, whatever a server says that it has seen
        RAISE EXCEPTION 'there can be no revision %', known_revision USING ERRCODE = 'check_violation';
    END IF;
    has_begun := false;
    FOR locked IN 0 .. 1 LOOP
        SELECT * INTO last FROM epoch e ORDER BY e.number DESC LIMIT 1;
        SELECT h.revision INTO STRICT revision FROM head h ORDER BY h.revision DESC LIMIT 1;
        is_former := coalesce(known_epoch > last.number AND here.system = known_system AND here.timeline < known_timeline, false);
        lost_from := NULL;
        SELECT * INTO gap FROM epoch e WHERE known_revision > e.revision AND known_revision <= e.floor ORDER BY e.number DESC LIMIT 1;
        IF FOUND THEN
            SELECT greatest(max(e.lost_to), gap.revision) + 1 INTO lost_from
              FROM epoch e WHERE e.lost_from > gap.revision AND e.lost_to <= gap.floor;
        ELSIF known_revision > revision THEN
            lost_from := revision + 1;
        END IF;
        IF lost_from > known_revision THEN
            lost_from := NULL;
        END IF;
        IF is_former OR (lost_from IS NULL AND (known_epoch > last.number) IS NOT TRUE
                         AND (last.system, last.timeline, last.database) = (here.system, here.timeline, here.database)) THEN
            number := last.number;
            RETURN;
        END IF;
        IF locked = 0 THEN
            LOCK TABLE commit_lock IN EXCLUSIVE MODE; -- and look again
        END IF;
    END LOOP;
    has_begun := true;
    number := epoch_add_1(lost_from, CASE WHEN lost_from IS NOT NULL THEN known_revision END, known_epoch, known_revision);
END
$function$;
REVOKE ALL ON FUNCTION eventstore.epoch_check_1 FROM PUBLIC;

-- The first epoch. That of an empty store is where it is, and is not linked: the chain of a new store begins with 32 zeros. A store with
-- events may be a backup that was restored just now: it begins one as any restored store does.
DO $migration$
DECLARE
    here record := eventstore.epoch_here_1();
BEGIN
    IF (SELECT h.revision FROM eventstore.head h) > 1 THEN
        PERFORM eventstore.epoch_add_1();
    ELSE
        INSERT INTO eventstore.epoch (number, revision, floor, system, timeline, database, began, hash)
        SELECT 1, 1, 1, here.system, here.timeline, here.database, clock_timestamp(), decode(repeat('00', 32), 'hex');
    END IF;
END
$migration$;

-- commit_jobs_5 for who knows where it commits: nothing is held and nothing appended where the last epoch is not the one the caller named, where
-- the caller has seen a revision above the head, or where the session is on another timeline than the epoch. The answer names the last
-- epoch, 0 in the two latter cases; the caller then calls epoch_check_1, forgets what it has read, and decides again.
CREATE FUNCTION eventstore.commit_jobs_6(
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
    -- the last epoch the caller knows, and the last revision it has seen; null for who has no memory
    known_epoch bigint, known_revision bigint,
    OUT held boolean[], OUT revisions bigint[], OUT committed_at timestamptz, OUT rebuild bigint, OUT lease bigint, OUT epoch bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
AS $function$
BEGIN
    LOCK TABLE commit_lock IN EXCLUSIVE MODE;
    SELECT last_value + is_called::int INTO rebuild FROM rebuilds;
    IF known_lease IS NOT NULL THEN
        SELECT l.number INTO lease FROM eventstore.lease l WHERE l.name = 'lifetimes';
    END IF;
    IF known_epoch IS NOT NULL THEN
        epoch := epoch_now_1(known_revision);
    END IF;
    IF rebuild <> known_rebuild OR lease IS DISTINCT FROM known_lease OR epoch IS DISTINCT FROM known_epoch THEN
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
REVOKE ALL ON FUNCTION eventstore.commit_jobs_6 FROM PUBLIC;

-- The same of commit_jobs_whole_2.
CREATE FUNCTION eventstore.commit_jobs_whole_3(
    key_namespace text[], key_name text[], key_uid uuid[], key_version bigint[], key_revision bigint[], event_key int[], event_id
    uuid[], event_stream uuid[], event_version bigint[], event_type text[], event_class text[], event_data jsonb[], event_user
    text[], event_headers jsonb[], event_request text[], path_event int[], path text[], row_event int[], row_kept boolean[],
    row_head text[], row_tail text[], wake_others boolean, known_rebuild bigint, known_epoch bigint, known_revision bigint,
    OUT held boolean[], OUT revisions bigint[], OUT committed_at timestamptz, OUT rebuild bigint, OUT epoch bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
AS $function$
BEGIN
    LOCK TABLE commit_lock IN EXCLUSIVE MODE;
    SELECT last_value + is_called::int INTO rebuild FROM rebuilds;
    epoch := epoch_now_1(known_revision);
    IF rebuild <> known_rebuild OR epoch IS DISTINCT FROM known_epoch THEN
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
REVOKE ALL ON FUNCTION eventstore.commit_jobs_whole_3 FROM PUBLIC;

-- The last epoch; 0 where another one has to begin first. Neither the system identifier nor the database changes within a session.
-- The head is read from its index: a plan kept from when it was small would read all its old versions, which a backup keeps for an hour.
CREATE FUNCTION eventstore.epoch_now_1(known_revision bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = eventstore, pg_temp SET enable_seqscan = off
AS $function$
BEGIN
    RETURN (SELECT CASE WHEN e.timeline = ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint
                         AND (known_revision > (SELECT h.revision FROM head h ORDER BY h.revision DESC LIMIT 1)) IS NOT TRUE
                        THEN e.number ELSE 0 END
              FROM epoch e ORDER BY e.number DESC LIMIT 1);
END
$function$;
REVOKE ALL ON FUNCTION eventstore.epoch_now_1 FROM PUBLIC;
