-- When somebody last came in by each of their ways.
ALTER TABLE identities ADD COLUMN last_used_at BIGINT;
ALTER TABLE users ADD COLUMN password_used_at BIGINT;
