-- An epoch that was lost itself is known to no database: the same dump restored twice, or a standby promoted that lacks the epoch before, would
-- begin the next one at the same floor and give its revisions out again. So the floor is the clock: 2^21 numbers a second since 2026, which is
-- more than any store appends. Whatever was given out before lies below it, whether or not anybody knows of it.

-- epoch_add_1 of V0019 with another floor, and with another lease: the number under which a server of the lost history holds it is not given to
-- another one.
--
-- Where the clock is not above everything known, having been set back, the floor is 2^32 above that: 49 days of 1,000 changes a second. So
-- it is from the year 2060 on, when the clock has used a quarter of the numbers below 2^53, up to which every client that reads numbers as
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
    clock    bigint := extract(epoch FROM clock_timestamp() - timestamptz '2026-01-01 00:00:00+00') * 2097152;
BEGIN
    LOCK TABLE commit_lock IN EXCLUSIVE MODE;
    SELECT * INTO STRICT last FROM head h ORDER BY h.revision DESC LIMIT 1;
    SELECT greatest(max(e.number), known_epoch, 0) + 1, greatest(max(e.floor), last.revision, known_revision, s.last_value)
      INTO next.number, known
      FROM mt_events_sequence s LEFT JOIN epoch e ON true GROUP BY s.last_value;
    next.floor := CASE WHEN clock > known + 1048576 AND clock < 2251799813685248 THEN clock ELSE known + 4294967296 END;
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

-- A store with events may be a dump that was restored and migrated before, and would have the same floor then.
DO $migration$
BEGIN
    IF (SELECT h.revision FROM eventstore.head h) > 1 THEN
        PERFORM eventstore.epoch_add_1();
    END IF;
END
$migration$;
