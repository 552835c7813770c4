-- A repository's identity is (provider, host, external id). The constraint of the first
-- migration stays, since SQLite cannot change it without making the table anew: for
-- forges external_id holds host#id.
ALTER TABLE repositories ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN integration_id TEXT NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN hook_trouble TEXT NOT NULL DEFAULT '';
UPDATE repositories SET host = lower(substr(web_url, instr(web_url, '://') + 3)) WHERE provider = 'github' AND instr(web_url, '://') > 0;
UPDATE repositories SET host = substr(host, 1, instr(host || '/', '/') - 1) WHERE provider = 'github';
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
    sealed      BLOB
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
    repository_id TEXT NOT NULL PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    sealed        BLOB NOT NULL
);

-- Made anew, so that the payload stays last: what stands behind it is read through it.
CREATE TABLE deliveries_anew (
    id             TEXT   NOT NULL PRIMARY KEY,
    provider       TEXT   NOT NULL,
    delivery_id    TEXT   NOT NULL,
    integration_id TEXT   NOT NULL,
    event          TEXT   NOT NULL,
    action         TEXT   NOT NULL,
    repository     TEXT   NOT NULL,
    ref            TEXT   NOT NULL,
    sha            TEXT   NOT NULL,
    actor          TEXT   NOT NULL,
    status         TEXT   NOT NULL,
    reason_code    TEXT   NOT NULL,
    reason_text    TEXT   NOT NULL,
    verdicts       TEXT,
    reply          TEXT   NOT NULL,
    attempts       BIGINT NOT NULL,
    not_before     BIGINT NOT NULL,
    received_at    BIGINT NOT NULL,
    processed_at   BIGINT,
    payload        BLOB   NOT NULL,
    UNIQUE (provider, delivery_id)
);
INSERT INTO deliveries_anew
    SELECT id, provider, delivery_id, '', event, action, repository, ref, sha, actor, status, reason_code, reason_text,
        verdicts, '', attempts, not_before, received_at, processed_at, payload
    FROM deliveries ORDER BY rowid;
DROP TABLE deliveries;
ALTER TABLE deliveries_anew RENAME TO deliveries;
CREATE INDEX deliveries_received ON deliveries (received_at, id);
-- Partial, so that storing a delivery and answering its sender costs little.
CREATE INDEX deliveries_due ON deliveries (received_at, id, not_before) WHERE status = 'received';
CREATE INDEX deliveries_settled ON deliveries (status, received_at, id) WHERE status <> 'received';
CREATE INDEX deliveries_repository ON deliveries (repository, received_at, id) WHERE repository <> '';
CREATE INDEX deliveries_sha ON deliveries (sha, received_at, id) WHERE sha <> '';
