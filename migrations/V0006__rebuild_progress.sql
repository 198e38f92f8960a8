-- How far a rebuild has come, so that one that was stopped goes on where it was: first stream by stream, then revision by revision.
-- There is a row while a rebuild is under way, and after one was killed.
CREATE TABLE eventstore.rebuild (
    only_row    boolean        PRIMARY KEY DEFAULT true CHECK (only_row),
    began       timestamptz    NOT NULL DEFAULT clock_timestamp(),
    stream      uuid,          -- streams up to this one are done; null before the first
    revision    bigint         -- null while streams are done; then revisions up to this one are
);
