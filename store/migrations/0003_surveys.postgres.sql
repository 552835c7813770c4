-- Why a repository cannot be reached; empty: it can.
ALTER TABLE repositories ADD COLUMN unavailable TEXT NOT NULL DEFAULT '';

-- Where branches and open pull requests stood when the forge was last asked.
CREATE TABLE heads (
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    ref           TEXT NOT NULL,
    sha           TEXT NOT NULL,
    PRIMARY KEY (repository_id, ref)
);
