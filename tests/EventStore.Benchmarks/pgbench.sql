-- One patch as PostgreSQL alone would store it: the current row and the event, in one transaction of one statement, which is the
-- fastest form. No rule is checked, no order is kept, nobody is asked who he is: a limit, not a product. :document, :event and :headers
-- are a real job, event and origin of the same run, so their sizes are the same.
\set job random(1, :jobs)
WITH changed AS (
    UPDATE current_row SET data = :document, version = version + 1, modified = now() WHERE id = :job RETURNING id, version
)
INSERT INTO event (stream_id, version, data, type, correlation_id, headers, user_name)
SELECT id, version, :event, 'job_patched', '0199a2f0-5a0c-7cc3-98c4-dc0c0c07398f', :headers, 'bench' FROM changed;
