-- Activity: the read side Marten's asynchronous daemon keeps, as Marten's own diff printed its two documents. Nothing here is proof: it is
-- counted from the events, and 'rebuild' counts it anew.
CREATE TABLE eventstore.mt_doc_activity (
    id                  varchar COLLATE "C"         NOT NULL,
    data                jsonb                       NOT NULL,
    mt_last_modified    timestamp with time zone    NULL DEFAULT (transaction_timestamp()),
    mt_version          uuid                        NOT NULL DEFAULT (md5(random()::text || clock_timestamp()::text)::uuid),
    mt_dotnet_type      varchar                     NULL,
    day                 date                        NOT NULL,
    namespace           varchar COLLATE "C"         NOT NULL,
    user_name           varchar COLLATE "C"         NOT NULL,
    type                varchar COLLATE "C"         NOT NULL,
    field               varchar COLLATE "C"         NOT NULL,
CONSTRAINT pkey_mt_doc_activity_id PRIMARY KEY (id)
);

CREATE TABLE eventstore.mt_doc_job_activity (
    id                  uuid                        NOT NULL,
    data                jsonb                       NOT NULL,
    mt_last_modified    timestamp with time zone    NULL DEFAULT (transaction_timestamp()),
    mt_version          uuid                        NOT NULL DEFAULT (md5(random()::text || clock_timestamp()::text)::uuid),
    mt_dotnet_type      varchar                     NULL,
    namespace           varchar COLLATE "C"         NOT NULL,
    name                varchar COLLATE "C"         NOT NULL,
    revision            bigint                      NOT NULL,
CONSTRAINT pkey_mt_doc_job_activity_id PRIMARY KEY (id)
);

-- On columns that never change, so that PostgreSQL can update rows in place (heap-only).
CREATE INDEX activity_of_day ON eventstore.mt_doc_activity (day);
CREATE INDEX job_activity_of_namespace ON eventstore.mt_doc_job_activity (namespace);
ALTER TABLE eventstore.mt_doc_activity SET (fillfactor = 50);
ALTER TABLE eventstore.mt_doc_job_activity SET (fillfactor = 50);
