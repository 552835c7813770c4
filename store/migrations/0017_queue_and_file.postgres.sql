-- What a pipeline has taken over from its file, and its own values.
ALTER TABLE pipelines ADD COLUMN file_settings TEXT;

-- Builds are taken by queue_rank (below 0: somebody put it first), then by age.
ALTER TABLE builds ADD COLUMN queue_rank BIGINT NOT NULL DEFAULT 0;
DROP INDEX builds_queued;
CREATE INDEX builds_queued ON builds (status, queue_rank, queued_at, id);

-- At most one row: nothing is claimed while it is there.
CREATE TABLE queue_pauses (
    id        TEXT   NOT NULL PRIMARY KEY,
    paused_by TEXT   NOT NULL,
    paused_at BIGINT NOT NULL
);
