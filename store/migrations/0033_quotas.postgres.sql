-- What the project may take of what all projects share; 0: there is no bound.
ALTER TABLE projects ADD COLUMN quota_concurrent BIGINT NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN quota_queued BIGINT NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN quota_minutes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN quota_logs BIGINT NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN quota_artifacts BIGINT NOT NULL DEFAULT 0;
-- How many of a project's builds are worked on.
CREATE INDEX builds_working ON builds (project_id) WHERE status IN ('assigned', 'running');
