-- Who people are elsewhere, what they are in projects, and what they did.
ALTER TABLE users ADD COLUMN invited BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE users ADD COLUMN password TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN last_seen_at BIGINT;

CREATE TABLE identities (
    provider   TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    login      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX identities_user ON identities (user_id, provider, subject);

CREATE TABLE project_members (
    project_id TEXT   NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, user_id)
);
-- With the role, since every request of somebody who is no admin asks for it.
CREATE INDEX project_members_user ON project_members (user_id, project_id, role);

ALTER TABLE credentials ADD COLUMN prefix TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN project_id TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN parent_id TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';
CREATE INDEX credentials_user ON credentials (user_id, kind, created_at, id) WHERE user_id <> '';

-- No foreign keys: an entry outlives what it is about.
CREATE TABLE audit_entries (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT    NOT NULL UNIQUE,
    at            BIGINT  NOT NULL,
    actor_kind    TEXT    NOT NULL,
    actor_id      TEXT    NOT NULL,
    actor         TEXT    NOT NULL,
    credential_id TEXT    NOT NULL,
    door          TEXT    NOT NULL,
    address       TEXT    NOT NULL,
    action        TEXT    NOT NULL,
    target_kind   TEXT    NOT NULL,
    target_id     TEXT    NOT NULL,
    target        TEXT    NOT NULL,
    project_id    TEXT    NOT NULL,
    changes       TEXT,
    delivery_id   TEXT    NOT NULL
);
CREATE INDEX audit_entries_at ON audit_entries (at, seq);
CREATE INDEX audit_entries_actor ON audit_entries (actor_id, seq) WHERE actor_id <> '';
CREATE INDEX audit_entries_action ON audit_entries (action, seq);
CREATE INDEX audit_entries_target ON audit_entries (target_id, seq) WHERE target_id <> '';
CREATE INDEX audit_entries_project ON audit_entries (project_id, seq) WHERE project_id <> '';
