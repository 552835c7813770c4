-- Whether any pull request has its comment: the first page asks.
CREATE INDEX effects_commented ON effects (key) WHERE kind = 'comment' AND remote_id <> '';
