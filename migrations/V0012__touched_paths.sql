-- Blame: who set each value of a job last. A snapshot also says what the events since the snapshot before touched, and each path's last
-- revision, so that the answer for a job with 100,000 events is read from some hundred rows and the few events behind the last of them.
ALTER TABLE eventstore.job_snapshot
    ADD COLUMN since   bigint, -- the version behind which the events begin that are told of; null: none is told of
    ADD COLUMN touched jsonb;  -- {"path": revision}: TouchedPaths tells the same of one event, and 'verify' compares

-- The paths one event touched; of a change that recorded as many as it may, a mark too. An event that was edited into something else has
-- none: its edit is for the chain to tell of.
CREATE FUNCTION eventstore.touched_paths_1(type text, paths jsonb, patch jsonb, finalizers jsonb)
RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT p.path FROM jsonb_array_elements_text(CASE jsonb_typeof(paths) WHEN 'array' THEN paths END) p (path)
    UNION ALL
    SELECT CASE type WHEN 'job_status_updated' THEN ':status' ELSE ':rest' END
     WHERE jsonb_array_length(CASE jsonb_typeof(paths) WHEN 'array' THEN paths END) >= 1000
    UNION ALL
    SELECT 'metadata.generation'
     WHERE type = 'job_deletion_requested'
        OR EXISTS (SELECT FROM jsonb_object_keys(CASE jsonb_typeof(patch) WHEN 'object' THEN patch END) k (name) WHERE k.name <> 'metadata')
    UNION ALL
    SELECT d.path
      FROM (VALUES ('metadata.deletionTimestamp', true), ('metadata.deletionGracePeriodSeconds', true),
                   ('metadata.finalizers', finalizers IS NOT NULL)) d (path, touched)
     WHERE type = 'job_deletion_requested' AND d.touched
$function$;

-- What the events of a stream behind one version touched, up to another: each path with its last revision. jsonb_to_record unpacks an
-- event's data once.
CREATE FUNCTION eventstore.touched_1(stream uuid, behind bigint, upto bigint)
RETURNS TABLE (path text, revision bigint) LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
    SELECT p.path, max(e.seq_id)
      FROM eventstore.mt_events e
     CROSS JOIN LATERAL jsonb_to_record(CASE jsonb_typeof(e.data) WHEN 'object' THEN e.data END)
                     AS d (paths jsonb, patch jsonb, finalizers jsonb)
     CROSS JOIN LATERAL eventstore.touched_paths_1(e.type, d.paths, d.patch, d.finalizers) p (path)
     WHERE e.stream_id = stream AND e.version > behind AND e.version <= upto
     GROUP BY p.path
$function$;

-- Whoever writes a snapshot (a commit, a rebuild, an import) leaves this with it: a commit about every 128 events of a job, so it costs each
-- event next to nothing. The events are there before the snapshot is.
CREATE FUNCTION eventstore.tell_touched() RETURNS trigger LANGUAGE plpgsql SET search_path = eventstore, pg_temp
AS $function$
BEGIN
    SELECT coalesce(max(s.version), 0) INTO NEW.since FROM job_snapshot s WHERE s.uid = NEW.uid AND s.revision < NEW.revision;
    SELECT coalesce(jsonb_object_agg(t.path, t.revision), '{}') INTO NEW.touched FROM touched_1(NEW.uid, NEW.since, NEW.version) t;
    RETURN NEW;
END
$function$;
CREATE TRIGGER touched_is_told BEFORE INSERT ON eventstore.job_snapshot FOR EACH ROW EXECUTE FUNCTION eventstore.tell_touched();

-- The snapshots there are.
UPDATE eventstore.job_snapshot s
   SET since = w.since,
       touched = (SELECT coalesce(jsonb_object_agg(t.path, t.revision), '{}') FROM eventstore.touched_1(s.uid, w.since, s.version) t)
  FROM (SELECT uid, revision, lag(version, 1, 0::bigint) OVER (PARTITION BY uid ORDER BY revision) AS since FROM eventstore.job_snapshot) w
 WHERE s.uid = w.uid AND s.revision = w.revision;

REVOKE ALL ON FUNCTION eventstore.tell_touched() FROM PUBLIC;
