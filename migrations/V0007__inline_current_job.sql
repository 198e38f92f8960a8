-- Declared IMMUTABLE it was called, and planned anew in every batch: PostgreSQL puts the body of a function in the place of its call only
-- if the body keeps what the function promises, and jsonb_build_object is STABLE. No index and no column depends on it.
ALTER FUNCTION eventstore.current_job_1(uuid, text, text, boolean, bigint, bigint, text, text) STABLE;
