-- Times are microseconds since 1970 in UTC, 0 where there is none yet. Columns and
-- their order are those of the SQLite schema.

CREATE TABLE repositories (
    id              TEXT    NOT NULL PRIMARY KEY,
    provider        TEXT    NOT NULL,
    external_id     TEXT    NOT NULL,
    full_name       TEXT    NOT NULL,
    web_url         TEXT    NOT NULL,
    clone_url       TEXT    NOT NULL,
    default_branch  TEXT    NOT NULL,
    private         BOOLEAN NOT NULL,
    installation_id BIGINT  NOT NULL,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    UNIQUE (provider, external_id)
);

CREATE TABLE projects (
    id                TEXT   NOT NULL PRIMARY KEY,
    name              TEXT   NOT NULL,
    slug              TEXT   NOT NULL UNIQUE,
    description       TEXT   NOT NULL,
    repository_id     TEXT   NOT NULL REFERENCES repositories (id),
    default_branch    TEXT   NOT NULL,
    forks             TEXT   NOT NULL,
    comments          TEXT   NOT NULL,
    trigger_role      TEXT   NOT NULL,
    visibility        TEXT   NOT NULL,
    last_build_number BIGINT NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL
);
CREATE INDEX projects_name ON projects (name, id);
CREATE INDEX projects_repository ON projects (repository_id, name, id);

CREATE TABLE pipelines (
    id                   TEXT    NOT NULL PRIMARY KEY,
    project_id           TEXT    NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name                 TEXT    NOT NULL,
    slug                 TEXT    NOT NULL,
    config_path          TEXT    NOT NULL,
    config_path_explicit BOOLEAN NOT NULL,
    execution_config     TEXT,
    trigger_config       TEXT,
    cancel_previous      BOOLEAN NOT NULL,
    max_concurrent       BIGINT  NOT NULL,
    timeout_ns           BIGINT  NOT NULL,
    labels               TEXT,
    status_context       TEXT    NOT NULL,
    enabled              BOOLEAN NOT NULL,
    created_at           BIGINT  NOT NULL,
    updated_at           BIGINT  NOT NULL,
    UNIQUE (project_id, slug)
);
CREATE INDEX pipelines_created ON pipelines (project_id, created_at, id);
CREATE INDEX pipelines_context ON pipelines (status_context);

CREATE TABLE builds (
    id               TEXT   NOT NULL PRIMARY KEY,
    project_id       TEXT   NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    pipeline_id      TEXT   NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
    number           BIGINT NOT NULL,
    status           TEXT   NOT NULL,
    status_reason    TEXT   NOT NULL,
    status_message   TEXT   NOT NULL,
    trigger_type     TEXT   NOT NULL,
    trigger_actor    TEXT   NOT NULL,
    trigger_event    TEXT   NOT NULL,
    trigger_ref      TEXT   NOT NULL,
    branch           TEXT   NOT NULL,
    tag              TEXT   NOT NULL,
    sha              TEXT   NOT NULL,
    commit_message   TEXT   NOT NULL,
    commit_author    TEXT   NOT NULL,
    pr_number        BIGINT,
    pr_title         TEXT   NOT NULL,
    pr_url           TEXT   NOT NULL,
    pr_fork          BOOLEAN NOT NULL,
    dedupe_key       TEXT   UNIQUE,
    delivery_id      TEXT   NOT NULL,
    source_build_id  TEXT   NOT NULL,
    lost_runs        BIGINT NOT NULL,
    runner_id        TEXT   NOT NULL,
    runner_name      TEXT   NOT NULL,
    lease_token      TEXT   NOT NULL,
    lease_expires_at BIGINT NOT NULL,
    timeout_ns       BIGINT NOT NULL,
    labels           TEXT,
    exit_code        BIGINT,
    queued_at        BIGINT NOT NULL,
    assigned_at      BIGINT,
    started_at       BIGINT,
    finished_at      BIGINT,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    UNIQUE (project_id, number)
);
CREATE INDEX builds_created ON builds (created_at, id);
CREATE INDEX builds_project ON builds (project_id, created_at, id);
CREATE INDEX builds_branch ON builds (project_id, branch, created_at, id);
CREATE INDEX builds_pipeline ON builds (pipeline_id, created_at, id);
CREATE INDEX builds_commit ON builds (pipeline_id, sha, number);
CREATE INDEX builds_sha ON builds (sha, created_at, id);
CREATE INDEX builds_status ON builds (status, created_at, id);
CREATE INDEX builds_queued ON builds (status, queued_at, id);
CREATE INDEX builds_pull_request ON builds (project_id, pr_number, created_at, id) WHERE pr_number IS NOT NULL;
CREATE INDEX builds_active ON builds (pipeline_id) WHERE status IN ('assigned', 'running');
-- Without the expiry, so that a renewal touches no index.
CREATE INDEX builds_leased ON builds (runner_id, id) WHERE lease_token <> '';

CREATE TABLE build_events (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    build_id    TEXT   NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    from_status TEXT   NOT NULL,
    to_status   TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    at          BIGINT NOT NULL
);
CREATE INDEX build_events_build ON build_events (build_id, id);

CREATE TABLE steps (
    build_id       TEXT   NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    step_index     BIGINT NOT NULL,
    name           TEXT   NOT NULL,
    command        TEXT   NOT NULL,
    status         TEXT   NOT NULL,
    exit_code      BIGINT,
    first_sequence BIGINT NOT NULL,
    last_sequence  BIGINT,
    started_at     BIGINT NOT NULL,
    finished_at    BIGINT,
    PRIMARY KEY (build_id, step_index)
);

CREATE TABLE log_chunks (
    build_id       TEXT   NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    first_sequence BIGINT NOT NULL,
    record_count   BIGINT NOT NULL,
    step           TEXT   NOT NULL,
    at             BIGINT NOT NULL,
    data           BYTEA  NOT NULL,
    PRIMARY KEY (build_id, first_sequence)
);
-- Compressing 64 KiB costs more than writing them.
ALTER TABLE log_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE deliveries (
    id           TEXT   NOT NULL PRIMARY KEY,
    provider     TEXT   NOT NULL,
    delivery_id  TEXT   NOT NULL,
    event        TEXT   NOT NULL,
    action       TEXT   NOT NULL,
    repository   TEXT   NOT NULL,
    ref          TEXT   NOT NULL,
    sha          TEXT   NOT NULL,
    actor        TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    reason_code  TEXT   NOT NULL,
    reason_text  TEXT   NOT NULL,
    verdicts     TEXT,
    attempts     BIGINT NOT NULL,
    not_before   BIGINT NOT NULL,
    received_at  BIGINT NOT NULL,
    processed_at BIGINT,
    payload      BYTEA  NOT NULL,
    UNIQUE (provider, delivery_id)
);
CREATE INDEX deliveries_received ON deliveries (received_at, id);
-- Partial, so that storing a delivery and answering its sender costs little.
CREATE INDEX deliveries_due ON deliveries (received_at, id, not_before) WHERE status = 'received';
CREATE INDEX deliveries_settled ON deliveries (status, received_at, id) WHERE status <> 'received';
CREATE INDEX deliveries_repository ON deliveries (repository, received_at, id) WHERE repository <> '';
CREATE INDEX deliveries_sha ON deliveries (sha, received_at, id) WHERE sha <> '';

CREATE TABLE effects (
    key           TEXT    NOT NULL PRIMARY KEY,
    kind          TEXT    NOT NULL,
    repository_id TEXT    NOT NULL,
    pipeline_id   TEXT    NOT NULL,
    sha           TEXT    NOT NULL,
    number        BIGINT  NOT NULL,
    wanted        BIGINT  NOT NULL,
    done          BIGINT  NOT NULL,
    remote_id     TEXT    NOT NULL,
    sent          TEXT    NOT NULL,
    attempts      BIGINT  NOT NULL,
    not_before    BIGINT  NOT NULL,
    last_error    TEXT    NOT NULL,
    parked        BOOLEAN NOT NULL,
    updated_at    BIGINT  NOT NULL
);
CREATE INDEX effects_due ON effects (not_before, key) WHERE done < wanted AND NOT parked;

CREATE TABLE users (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    email      TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    enabled    BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (lower(email));
CREATE INDEX users_created ON users (created_at, id);

CREATE TABLE credentials (
    id           TEXT   NOT NULL PRIMARY KEY,
    kind         TEXT   NOT NULL,
    hash         TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    role         TEXT   NOT NULL,
    build_id     TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT,
    UNIQUE (kind, hash)
);
CREATE INDEX credentials_created ON credentials (kind, created_at, id);
CREATE INDEX credentials_expiry ON credentials (expires_at) WHERE expires_at IS NOT NULL;
