-- A build's message in a channel.
ALTER TABLE effects ADD COLUMN build_id TEXT NOT NULL DEFAULT '';
ALTER TABLE effects ADD COLUMN channel TEXT NOT NULL DEFAULT '';

CREATE TABLE chat_users (
    team      TEXT   NOT NULL,
    member_id TEXT   NOT NULL,
    user_id   TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (team, member_id)
);

-- The project that a command means when it names none.
CREATE TABLE channel_projects (
    team       TEXT NOT NULL,
    channel    TEXT NOT NULL,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    PRIMARY KEY (team, channel)
);

CREATE TABLE subscriptions (
    id            TEXT   NOT NULL PRIMARY KEY,
    team          TEXT   NOT NULL,
    channel       TEXT   NOT NULL,
    project_id    TEXT   NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    pipeline_id   TEXT   NOT NULL, -- empty: all, which no foreign key allows
    subscribed_to TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    UNIQUE (team, channel, project_id, pipeline_id)
);
CREATE INDEX subscriptions_project ON subscriptions (project_id, created_at, id);
