-- Where a commit status was shown last (a status or a check run, its context, and the branch
-- or tag), and the state that it said; empty: nowhere since this is kept.
ALTER TABLE effects ADD COLUMN told_style TEXT NOT NULL DEFAULT '';
ALTER TABLE effects ADD COLUMN told_context TEXT NOT NULL DEFAULT '';
ALTER TABLE effects ADD COLUMN told_ref TEXT NOT NULL DEFAULT '';
ALTER TABLE effects ADD COLUMN told_state TEXT NOT NULL DEFAULT '';
