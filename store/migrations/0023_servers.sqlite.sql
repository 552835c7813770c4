-- The servers that work on this database.
CREATE TABLE servers (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    version    TEXT   NOT NULL,
    public_url TEXT   NOT NULL,
    key_id     TEXT   NOT NULL,
    blobs      TEXT   NOT NULL,
    sources    TEXT   NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL
);
-- What one server at a time does.
CREATE TABLE turns (
    name   TEXT   NOT NULL PRIMARY KEY,
    holder TEXT   NOT NULL,
    until  BIGINT NOT NULL
);
-- The oldest schema whose program works with the migrated one too; 0: none.
ALTER TABLE schema_migrations ADD COLUMN oldest BIGINT NOT NULL DEFAULT 0;
