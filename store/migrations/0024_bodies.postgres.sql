-- The SHA-256 of a payload that is no longer kept; empty: it is.
ALTER TABLE deliveries ADD COLUMN body_sha256 TEXT NOT NULL DEFAULT '';
CREATE INDEX deliveries_bodies ON deliveries (received_at, id) WHERE body_sha256 = '' AND status <> 'received';
