-- When a runner's session was first heard of; 0: before this was kept.
ALTER TABLE runners ADD COLUMN session_at BIGINT NOT NULL DEFAULT 0;
