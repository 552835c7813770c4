-- Who claims builds.
CREATE TABLE runners (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    labels       TEXT    NOT NULL,
    embedded     BOOLEAN NOT NULL,
    enabled      BOOLEAN NOT NULL,
    platform     TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    slots        BIGINT  NOT NULL,
    draining     BOOLEAN NOT NULL,
    session      TEXT    NOT NULL,
    last_seen_at BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL
);
