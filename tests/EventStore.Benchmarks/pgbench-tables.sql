-- What pgbench.sql writes: a current row and a log with the columns, sizes and fillfactor of ours, and of our indexes only those that
-- are written by a patch too. There is no row for the stream and no foreign key: what the limit need not do is not counted for it.
CREATE TABLE current_row (
    id             bigint       PRIMARY KEY,
    data           jsonb        NOT NULL,
    modified       timestamptz  NOT NULL DEFAULT now(),
    class          varchar      NOT NULL DEFAULT 'EventStore.Server.Store.CurrentJob',
    version        bigint       NOT NULL DEFAULT 1,
    namespace      varchar      NOT NULL DEFAULT 'bench',
    name           varchar      NOT NULL,
    deleted        boolean      NOT NULL DEFAULT false
) WITH (fillfactor = 50);

CREATE TABLE event (
    seq_id         bigint       PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id             uuid         NOT NULL DEFAULT gen_random_uuid(),
    stream_id      bigint       NOT NULL,
    version        bigint       NOT NULL,
    data           jsonb        NOT NULL,
    type           varchar      NOT NULL,
    timestamp      timestamptz  NOT NULL DEFAULT now(),
    tenant_id      varchar      NOT NULL DEFAULT '*DEFAULT*',
    class          varchar,
    correlation_id varchar      NOT NULL,
    headers        jsonb        NOT NULL,
    user_name      varchar      NOT NULL,
    is_archived    boolean      NOT NULL DEFAULT false,
    UNIQUE (stream_id, version)
);
