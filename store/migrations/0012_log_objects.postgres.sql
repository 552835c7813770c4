-- Where the log of an ended build lies; log_sha256 is empty while its chunks are rows.
-- log_due is when they may be archived, NULL once there are none any more.
ALTER TABLE builds ADD COLUMN log_sha256 TEXT NOT NULL DEFAULT '';
ALTER TABLE builds ADD COLUMN log_size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE builds ADD COLUMN log_next BIGINT NOT NULL DEFAULT 0;
ALTER TABLE builds ADD COLUMN log_due BIGINT DEFAULT 0;
CREATE INDEX builds_log_due ON builds (log_due, id) WHERE log_due IS NOT NULL AND finished_at IS NOT NULL AND lease_token = '';
CREATE INDEX builds_log_blob ON builds (log_sha256) WHERE log_sha256 <> '';
