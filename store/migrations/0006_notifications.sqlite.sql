-- Who is told of the ends of builds, beside the forge.
CREATE TABLE notifications (
    id            TEXT    NOT NULL PRIMARY KEY,
    project_id    TEXT    NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    kind          TEXT    NOT NULL,
    target        TEXT    NOT NULL,
    sealed        BLOB,
    pipeline_id   TEXT    REFERENCES pipelines (id) ON DELETE CASCADE, -- null: all
    branches      TEXT    NOT NULL,
    subscribed_to TEXT    NOT NULL,
    enabled       BOOLEAN NOT NULL,
    last_error    TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL
);
CREATE INDEX notifications_project ON notifications (project_id, created_at, id);

ALTER TABLE effects ADD COLUMN notification_id TEXT NOT NULL DEFAULT '';
