-- What a build's output complains of, and what its tests came to; NULL: nothing is known.
ALTER TABLE builds ADD COLUMN problems TEXT;
ALTER TABLE builds ADD COLUMN tests TEXT;
