-- What was tried of late at the door, by account and by address: all servers count together.
CREATE TABLE tries (
    key     TEXT   NOT NULL PRIMARY KEY,
    count   BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);
CREATE INDEX tries_last ON tries (last_at);
