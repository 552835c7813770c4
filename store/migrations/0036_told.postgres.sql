-- What a commit status said last: a build and its state, or "note"; empty: nothing was
-- said since this is kept.
ALTER TABLE effects ADD COLUMN told TEXT NOT NULL DEFAULT '';
-- What the runner shipped of the log; NULL: it did not say.
ALTER TABLE build_records ADD COLUMN log_from BIGINT;
ALTER TABLE build_records ADD COLUMN log_until BIGINT;
ALTER TABLE build_records ADD COLUMN log_bytes BIGINT;
ALTER TABLE build_records ADD COLUMN log_crc32c BIGINT;
