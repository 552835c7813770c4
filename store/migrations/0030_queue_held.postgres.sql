-- How long, in microseconds, the build has waited while the queue was paused. A pause that
-- has not ended is not in it.
ALTER TABLE builds ADD COLUMN held BIGINT NOT NULL DEFAULT 0;
