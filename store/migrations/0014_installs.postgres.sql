-- The icon of what an artifact installs, a blob.
ALTER TABLE artifacts ADD COLUMN icon_sha256 TEXT NOT NULL DEFAULT '';
CREATE INDEX artifacts_icon ON artifacts (icon_sha256);

-- Share links, how often they were used, and the installs that came of them.
ALTER TABLE credentials ADD COLUMN source_id TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN single_use BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE credentials ADD COLUMN uses BIGINT NOT NULL DEFAULT 0;
CREATE INDEX credentials_artifact ON credentials (artifact_id, kind);
CREATE INDEX credentials_source ON credentials (source_id);
