-- Settings of the instance, as JSON.
CREATE TABLE settings (
    name       TEXT   NOT NULL PRIMARY KEY,
    value      TEXT   NOT NULL,
    updated_at BIGINT NOT NULL
);
-- When retention ended the log; its object stays for a day.
ALTER TABLE builds ADD COLUMN log_deleted_at BIGINT;
-- Whether there is a newer one of a pipeline on a branch or tag.
CREATE INDEX builds_newer ON builds (pipeline_id, branch, tag, created_at, id);
CREATE INDEX builds_logs ON builds (finished_at, id, log_size) WHERE log_sha256 <> '' AND log_deleted_at IS NULL;
CREATE INDEX artifacts_kept ON artifacts (created_at, id, size_bytes) WHERE expires_at IS NULL;
