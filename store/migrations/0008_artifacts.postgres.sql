CREATE TABLE artifacts (
    id         TEXT   NOT NULL PRIMARY KEY,
    build_id   TEXT   NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    project_id TEXT   NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name       TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha256     TEXT   NOT NULL,
    metadata   TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    UNIQUE (build_id, name)
);
CREATE INDEX artifacts_project ON artifacts (project_id, created_at, id);
CREATE INDEX artifacts_blob ON artifacts (sha256);

-- What a download link is for.
ALTER TABLE credentials ADD COLUMN artifact_id TEXT NOT NULL DEFAULT '';
