-- Where a pipeline stands on a branch: the last of each verdict, and the first since. Only
-- what has ended is in it, so that a build's way to its end touches it once.
CREATE INDEX builds_verdicts ON builds (pipeline_id, branch, status, created_at, id)
    WHERE finished_at IS NOT NULL AND tag = '' AND NOT pr_fork AND trigger_event <> 'merge_group';
-- What ended last, and all that sums of many builds need, so that they read no row.
CREATE INDEX builds_finished ON builds (finished_at, id, project_id, pipeline_id, number, status, started_at, branch)
    WHERE finished_at IS NOT NULL;
CREATE INDEX builds_actor ON builds (trigger_actor, created_at, id) WHERE trigger_actor <> '';
CREATE INDEX builds_user ON builds (trigger_user, created_at, id) WHERE trigger_user <> '';
CREATE INDEX deliveries_swept ON deliveries (received_at, id) WHERE event = 'sweep';
