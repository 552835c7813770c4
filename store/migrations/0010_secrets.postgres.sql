-- What projects give to their builds; the values are sealed.
CREATE TABLE secrets (
    id         TEXT    NOT NULL PRIMARY KEY,
    project_id TEXT    NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    file       BOOLEAN NOT NULL,
    branches   TEXT    NOT NULL,
    sealed     BYTEA   NOT NULL,
    updated_at BIGINT  NOT NULL,
    updated_by TEXT    NOT NULL,
    UNIQUE (project_id, name)
);
