-- A repository's identity is (provider, host, external id). The constraint of the first
-- migration stays, since SQLite cannot change it without making the table anew: for
-- forges external_id holds host#id.
ALTER TABLE repositories ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN integration_id TEXT NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN hook_trouble TEXT NOT NULL DEFAULT '';
UPDATE repositories SET host = lower(split_part(split_part(web_url, '://', 2), '/', 1)) WHERE provider = 'github';
UPDATE repositories SET host = 'github.com' WHERE provider = 'github' AND host = '';
UPDATE repositories SET external_id = host || '#' || external_id WHERE provider = 'github';
-- The id alone: who asks for webhook secrets does not know the host yet.
CREATE INDEX repositories_forge_id ON repositories (provider, substr(external_id, length(host) + 2));

ALTER TABLE projects ADD COLUMN checks TEXT NOT NULL DEFAULT 'status';
ALTER TABLE projects ADD COLUMN report_skipped BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE integrations (
    id          TEXT   NOT NULL PRIMARY KEY,
    provider    TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    host        TEXT   NOT NULL,
    web_url     TEXT   NOT NULL,
    api_url     TEXT   NOT NULL,
    external_id TEXT   NOT NULL,
    slug        TEXT   NOT NULL,
    origin      TEXT   NOT NULL,
    trouble     TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    sealed      BYTEA
);

CREATE TABLE installations (
    integration_id   TEXT    NOT NULL REFERENCES integrations (id) ON DELETE CASCADE,
    external_id      BIGINT  NOT NULL,
    account          TEXT    NOT NULL,
    account_type     TEXT    NOT NULL,
    all_repositories BOOLEAN NOT NULL,
    suspended        BOOLEAN NOT NULL,
    missing          TEXT,
    settings_url     TEXT    NOT NULL,
    updated_at       BIGINT  NOT NULL,
    PRIMARY KEY (integration_id, external_id)
);

CREATE TABLE hook_secrets (
    repository_id TEXT  NOT NULL PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    sealed        BYTEA NOT NULL
);

ALTER TABLE deliveries ADD COLUMN integration_id TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN reply TEXT NOT NULL DEFAULT '';
