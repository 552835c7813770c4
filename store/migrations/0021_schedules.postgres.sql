-- When builds start by themselves.
CREATE TABLE schedules (
    id            TEXT    NOT NULL PRIMARY KEY,
    project_id    TEXT    NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    pipeline_id   TEXT    NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
    name          TEXT    NOT NULL,
    cron          TEXT    NOT NULL,
    time_zone     TEXT    NOT NULL,
    branch        TEXT    NOT NULL,
    enabled       BOOLEAN NOT NULL,
    due_at        BIGINT  NOT NULL,
    not_before    BIGINT  NOT NULL,
    attempts      BIGINT  NOT NULL,
    last_at       BIGINT,
    last_build_id TEXT    NOT NULL,
    last_error    TEXT    NOT NULL,
    created_by    TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL
);
CREATE INDEX schedules_project ON schedules (project_id, name, id);
CREATE INDEX schedules_pipeline ON schedules (pipeline_id);
CREATE INDEX schedules_due ON schedules (not_before, id) WHERE enabled;
