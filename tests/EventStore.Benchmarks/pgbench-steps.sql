-- What pgbench.sql does, as a program does it that writes a transaction: four messages, the row locked until the last of them is answered.
\set job random(1, :jobs)
BEGIN;
UPDATE current_row SET data = :document, version = version + 1, modified = now() WHERE id = :job RETURNING version \gset
INSERT INTO event (stream_id, version, data, type, correlation_id, headers, user_name)
VALUES (:job, :version, :event, 'job_patched', '0199a2f0-5a0c-7cc3-98c4-dc0c0c07398f', :headers, 'bench');
COMMIT;
