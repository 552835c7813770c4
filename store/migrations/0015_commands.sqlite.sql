-- Who asked for a build, told apart by more than a name; where its message is shown,
-- which a free text like trigger_ref must not say; and what it was asked for with.
ALTER TABLE builds ADD COLUMN trigger_user TEXT NOT NULL DEFAULT '';
ALTER TABLE builds ADD COLUMN chat_channel TEXT NOT NULL DEFAULT '';
ALTER TABLE builds ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE builds ADD COLUMN platforms TEXT;
UPDATE builds SET chat_channel = rtrim(substr(rtrim(trigger_ref, replace(trigger_ref, '/', '')), 7), '/')
WHERE trigger_type = 'chat' AND trigger_ref LIKE 'slack:%/%/%';
CREATE INDEX builds_source ON builds (source_build_id, created_at, id) WHERE source_build_id <> '';

-- The messages of a build.
CREATE INDEX effects_build ON effects (build_id) WHERE build_id <> '';

-- What the lines of a message with commands came to: each is run once, however often
-- the message arrives.
CREATE TABLE chat_commands (
    source      TEXT   NOT NULL, -- where comments are numbered: the kind of event and the repository
    source_id   TEXT   NOT NULL, -- the comment's, or the slash command's
    line_no     BIGINT NOT NULL,
    delivery_id TEXT   NOT NULL, -- that ran it
    result      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (source, source_id, line_no)
);
