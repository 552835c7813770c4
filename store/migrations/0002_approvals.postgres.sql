CREATE TABLE approvals (
    repository_id TEXT   NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    pr_number     BIGINT NOT NULL,
    sha           TEXT   NOT NULL,
    approver      TEXT   NOT NULL,
    at            BIGINT NOT NULL,
    PRIMARY KEY (repository_id, pr_number, sha)
);

-- Why a status is wanted where there is no build that could say it.
ALTER TABLE effects ADD COLUMN note_code TEXT NOT NULL DEFAULT '';
ALTER TABLE effects ADD COLUMN note_text TEXT NOT NULL DEFAULT '';
ALTER TABLE effects ADD COLUMN delivery_id TEXT NOT NULL DEFAULT '';
