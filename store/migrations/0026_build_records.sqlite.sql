-- What runners tell of a build beside its log and its steps. The single tests are a blob.
CREATE TABLE build_records (
    build_id     TEXT   NOT NULL PRIMARY KEY REFERENCES builds (id) ON DELETE CASCADE,
    ran          TEXT,
    tests_sha256 TEXT   NOT NULL,
    tests_size   BIGINT NOT NULL,
    tests_count  BIGINT NOT NULL
);
CREATE INDEX build_records_blob ON build_records (tests_sha256) WHERE tests_sha256 <> '';
