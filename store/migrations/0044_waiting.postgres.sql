-- What waits to be told about a repository: all of an installation's are asked for in one
-- transaction.
CREATE INDEX effects_waiting ON effects (repository_id) WHERE done < wanted;
