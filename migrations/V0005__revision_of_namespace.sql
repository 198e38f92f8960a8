-- The newest revisions of one namespace. Without it a list of a small namespace in a large log reads all of the log: the index by job
-- has no order across the jobs of a namespace. It is what `kubectl get pjr` asks each time. It is an index on an expression, so that
-- nobody takes it for the beginning of the index by job.
CREATE INDEX revision_of_namespace ON eventstore.revision ((namespace || '/'), revision);
