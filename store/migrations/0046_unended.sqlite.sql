-- What a push replaces: the builds of its branch that have not ended, of any number that have.
-- With the number, so that SQLite prefers it to builds_newer.
CREATE INDEX builds_unended ON builds (pipeline_id, branch, tag, number) WHERE status IN ('queued', 'assigned', 'running');
