-- By what a service is asked whether somebody is on the operator's list still, and who was shut out because they are not.
CREATE TABLE standings (
    id       TEXT   NOT NULL PRIMARY KEY,
    provider TEXT   NOT NULL,
    subject  TEXT   NOT NULL,
    sealed   BLOB   NOT NULL,
    ask_at   BIGINT NOT NULL,
    noes     BIGINT NOT NULL,
    UNIQUE (provider, subject),
    FOREIGN KEY (provider, subject) REFERENCES identities (provider, subject) ON DELETE CASCADE
);
CREATE INDEX standings_ask ON standings (ask_at, id);

ALTER TABLE users ADD COLUMN departed TEXT NOT NULL DEFAULT '';
