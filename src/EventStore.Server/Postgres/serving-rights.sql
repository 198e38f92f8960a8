-- What the serving role may do besides reading every table and sequence. This is the one list: ServingRole grants what is on it, and verify
-- compares the rights in the database with it (Store/Proof/rights.sql). What is not there is passed over: a database may be of another release.
VALUES
    -- It appends. The last two are for servers of the release before.
    ('function commit_jobs_7', 'EXECUTE'),
    ('function commit_jobs_6', 'EXECUTE'),
    ('function commit_jobs_whole_3', 'EXECUTE'),
    -- It waits for the commits that are under way, holds the lease of lifetimes, and begins an epoch.
    ('function wait_for_commits_2', 'EXECUTE'),
    ('function lease_take_1', 'EXECUTE'),
    ('function epoch_check_1', 'EXECUTE'),
    -- It reads what events touched. These two have the rights of their caller.
    ('function touched_1', 'EXECUTE'),
    ('function touched_paths_1', 'EXECUTE'),
    -- Marten's daemon counts the activity, and notes how far it has come. Both are derived from the events, and verify compares them.
    ('column mt_doc_activity.id', 'INSERT'),
    ('column mt_doc_activity.data', 'INSERT'),
    ('column mt_doc_activity.data', 'UPDATE'),
    ('column mt_doc_activity.day', 'INSERT'),
    ('column mt_doc_activity.namespace', 'INSERT'),
    ('column mt_doc_activity.user_name', 'INSERT'),
    ('column mt_doc_activity.type', 'INSERT'),
    ('column mt_doc_activity.field', 'INSERT'),
    ('column mt_doc_job_activity.id', 'INSERT'),
    ('column mt_doc_job_activity.data', 'INSERT'),
    ('column mt_doc_job_activity.data', 'UPDATE'),
    ('column mt_doc_job_activity.namespace', 'INSERT'),
    ('column mt_doc_job_activity.name', 'INSERT'),
    ('column mt_doc_job_activity.revision', 'INSERT'),
    ('column mt_doc_job_activity.revision', 'UPDATE'),
    ('column mt_event_progression.name', 'INSERT'),
    ('column mt_event_progression.last_seq_id', 'INSERT'),
    ('column mt_event_progression.last_seq_id', 'UPDATE'),
    ('column mt_event_progression.last_updated', 'UPDATE')
