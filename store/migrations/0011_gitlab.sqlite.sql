-- What became of a webhook that its forge had switched off.
ALTER TABLE repositories ADD COLUMN hook_note TEXT NOT NULL DEFAULT '';

-- What a one-time state stands for, sealed: an application's secret, until the forge
-- has sent the person back.
ALTER TABLE credentials ADD COLUMN sealed BLOB;
