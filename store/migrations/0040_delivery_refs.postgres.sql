-- What came later for the same branch or pull request: retention asks of each fork's.
CREATE INDEX deliveries_ref ON deliveries (repository, ref, received_at) WHERE ref <> '';
