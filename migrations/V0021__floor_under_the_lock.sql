-- epoch_add_1 of V0020 with another floor. Two epochs often begin within a second of each other, one server after the other, and each 34 minutes
-- ahead of the clock would leave the next one, whose server knows of none, below what they gave out. So an epoch begins at the clock, or where what
-- is known is ahead of it, by less than an hour, 2^21 numbers above that: the clock is there a second later. It is read under the lock, which may
-- be waited for long.
--
-- Where the clock is an hour or more behind what is known, having been set back, the floor is 2^32 above that: 49 days of 1,000 changes a second.
-- So it is from the year 2060 on, when the clock has used a quarter of the numbers below 2^53, up to which every client that reads numbers as
-- JavaScript does tells two revisions apart. Either way a floor is more than 2^20 above what is known, by which servers tell epochs apart.
CREATE OR REPLACE FUNCTION eventstore.epoch_add_1(
    lost_from bigint DEFAULT NULL, lost_to bigint DEFAULT NULL, known_epoch bigint DEFAULT NULL, known_revision bigint DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = eventstore, pg_temp
AS $function$
DECLARE
    last     head%ROWTYPE;
    here     record := epoch_here_1();
    next     epoch%ROWTYPE;
    known    bigint;
    clock    bigint;
BEGIN
    LOCK TABLE commit_lock IN EXCLUSIVE MODE;
    clock := extract(epoch FROM clock_timestamp() - timestamptz '2026-01-01 00:00:00+00') * 2097152;
    SELECT * INTO STRICT last FROM head h ORDER BY h.revision DESC LIMIT 1;
    SELECT greatest(max(e.number), known_epoch, 0) + 1, greatest(max(e.floor), last.revision, known_revision, s.last_value)
      INTO next.number, known
      FROM mt_events_sequence s LEFT JOIN epoch e ON true GROUP BY s.last_value;
    next.floor := CASE WHEN known < clock + 3600 * 2097152::bigint AND clock < 2251799813685248
                       THEN greatest(clock, known + 2097152) ELSE known + 4294967296 END;
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
    UPDATE lease SET number = greatest(number, next.floor);
    RETURN next.number;
END
$function$;
