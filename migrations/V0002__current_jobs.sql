-- Finding current jobs. The columns below change only when a job is created or deleted, so PostgreSQL can update a row in place
-- (heap-only) each time a job changes; an index on anything that changes with every event would take that away.

-- A name belongs to one living job. The order is etcd's: of the bytes of 'namespace/name', whatever the database's collation is.
CREATE UNIQUE INDEX current_job_living ON eventstore.mt_doc_current_job
    ((namespace || '/') COLLATE "C", name COLLATE "C") WHERE NOT deleted;

-- All incarnations of a name, for its history.
CREATE INDEX current_job_incarnations ON eventstore.mt_doc_current_job (namespace, name);

-- Half of every page is left free for the next versions of its rows, or each change of a job would move it to another page.
ALTER TABLE eventstore.mt_doc_current_job SET (fillfactor = 50);
ALTER TABLE eventstore.mt_streams SET (fillfactor = 50);

-- A list at revision 0 would mean "any", so an empty store stands at revision 1 and the first event gets 2.
ALTER SEQUENCE eventstore.mt_events_sequence RESTART WITH 2;

-- Where the log ends: one row, read and written under the commit lock, so that revision order is commit order.
CREATE TABLE eventstore.head (
    only_row    boolean        PRIMARY KEY DEFAULT true CHECK (only_row),
    revision    bigint         NOT NULL,
    time        timestamptz    NOT NULL
);
INSERT INTO eventstore.head (revision, time) VALUES (1, clock_timestamp());
