-- When a server last looked after what waits, by its clock: a time without any counts for
-- nothing that waits.
CREATE TABLE signs (
    id TEXT   NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
);
