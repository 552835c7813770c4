package store

// sealPrefix begins everything that is sealed.
const sealPrefix = "v1:"

// lastSign is when somebody last did something.
const lastSign = `SELECT coalesce(max(t), 0) FROM (
	SELECT max(updated_at) AS t FROM builds UNION ALL SELECT max(last_seen_at) FROM runners
	UNION ALL SELECT max(received_at) FROM deliveries UNION ALL SELECT max(processed_at) FROM deliveries
	UNION ALL SELECT max(updated_at) FROM effects) AS signs`

// invariant is a promise, and queries whose rows are its breaches.
type invariant struct {
	id, sentence string
	queries      []string
	unasked      string   // why there are no queries
	warnings     []string // queries whose rows are no breaches, but worth a look
	look         func(*Snapshot, *Finding) error
}

// invariants are those of the promises that rows can break. @… stands for moments.
func invariants(d dialect) []invariant {
	return []invariant{
		{id: "I1", sentence: "Every accepted delivery is decided, once, and what it started is there", queries: []string{
			`SELECT 'delivery ' || id || ' has been due for more than a minute' FROM deliveries
				WHERE status = 'received' AND received_at < @minute_ago AND not_before < @minute_ago ORDER BY id`,
			`SELECT 'delivery ' || id || ' is put off for longer than any ever is' FROM deliveries
				WHERE status = 'received' AND not_before > @delivery_ahead ORDER BY id`,
			`SELECT 'delivery ' || provider || ' ' || delivery_id || ' is stored ' || count(*) || ' times'
				FROM deliveries GROUP BY provider, delivery_id HAVING count(*) > 1`,
			`SELECT 'delivery ' || d.id || ' started build ' || (v.value ->> 'build_id') || ', which is not there' FROM ` + d.verdicts + `
				WHERE d.verdicts IS NOT NULL AND d.processed_at > @day_ago AND v.value ->> 'build_id' <> ''
				AND EXISTS (SELECT 1 FROM pipelines p WHERE p.id = v.value ->> 'pipeline_id')
				AND NOT EXISTS (SELECT 1 FROM builds b WHERE b.id = v.value ->> 'build_id')`,
		}},
		{id: "I2", sentence: "A trigger makes one build, and a number is given once", queries: []string{
			`SELECT 'trigger ' || dedupe_key || ' made ' || count(*) || ' builds' FROM builds
				WHERE dedupe_key IS NOT NULL GROUP BY dedupe_key HAVING count(*) > 1`,
			`SELECT 'project ' || project_id || ' has ' || count(*) || ' builds #' || number FROM builds
				GROUP BY project_id, number HAVING count(*) > 1`,
			`SELECT 'project ' || p.id || ' has counted to ' || p.last_build_number || ' and has build #' || max(b.number)
				FROM projects p JOIN builds b ON b.project_id = p.id
				GROUP BY p.id, p.last_build_number HAVING max(b.number) > p.last_build_number`,
		}},
		{id: "I3", sentence: "One runner at a time has a build, and what happened to it follows the table of states", queries: []string{
			`SELECT 'build ' || id || ' is ' || status || ' and has runner "' || runner_id || '"' || CASE WHEN lease_token = '' THEN ' without' ELSE ' with' END || ' a lease'
				FROM builds WHERE status = 'queued' AND (lease_token <> '' OR runner_id <> '')
				OR status IN ('assigned', 'running') AND (lease_token = '' OR runner_id = '') ORDER BY id`,
			`SELECT 'builds ' || min(id) || ' and ' || max(id) || ' have the same lease' FROM builds
				WHERE lease_token <> '' GROUP BY lease_token HAVING count(*) > 1`,
			`SELECT 'build ' || b.id || ' runs build ' || s.id || ' again, which its runner lost, from before that had ended' FROM builds b JOIN builds s ON s.id = b.source_build_id
				WHERE b.source_build_id <> '' AND b.lost_runs > s.lost_runs AND (s.finished_at IS NULL OR b.created_at < s.finished_at) ORDER BY b.id`,
			`SELECT 'build ' || build_id || ' was ' || before || ' and went from ' || from_status || ' to ' || to_status FROM (
				SELECT build_id, from_status, to_status, lag(to_status, 1, '') OVER (PARTITION BY build_id ORDER BY id) AS before FROM build_events) AS e
				WHERE from_status <> before OR from_status || '>' || to_status NOT IN (` + moves() + `)`,
			`SELECT 'build ' || b.id || ' is ' || b.status || ', and its last event says ' || coalesce(e.to_status, 'nothing') FROM builds b
				LEFT JOIN build_events e ON e.id = (SELECT max(l.id) FROM build_events l WHERE l.build_id = b.id)
				WHERE b.status <> coalesce(e.to_status, '') ORDER BY b.id`,
		}},
		{id: "I4", sentence: "Every build ends", queries: []string{
			`SELECT 'build ' || id || ' is ' || status || ', and its lease ended more than a minute ago' FROM builds
				WHERE lease_token <> '' AND lease_expires_at < @minute_ago ORDER BY id`,
			`SELECT 'build ' || id || ' runs past its limit' FROM builds
				WHERE status = 'running' AND started_at + timeout_ns / 1000 < @lease_ago ORDER BY id`,
			`SELECT 'build ' || id || ' has waited for more than a day' FROM builds
				WHERE status = 'queued' AND queued_at + held < @queue_life_ago AND NOT EXISTS (SELECT 1 FROM queue_pauses) ORDER BY id`,
			`SELECT 'build ' || id || ' is ' || status || CASE WHEN finished_at IS NULL THEN ' and has no end' ELSE ' and has an end' END FROM builds
				WHERE (status IN ('queued', 'assigned', 'running')) = (finished_at IS NOT NULL) ORDER BY id`,
		}},
		{id: "I5", sentence: "The forge has been told how builds ended", queries: []string{
			`SELECT key || ' has been due for more than two minutes: ' || last_error FROM effects
				WHERE done < wanted AND NOT parked AND not_before < @two_minutes_ago ORDER BY key`,
			`SELECT key || ' is put off for longer than any ever is' FROM effects
				WHERE done < wanted AND NOT parked AND not_before > @effect_ahead ORDER BY key`,
			`SELECT 'build ' || b.id || ' ended, and nobody wants its status told' FROM builds b JOIN projects p ON p.id = b.project_id
				WHERE b.finished_at IS NOT NULL AND b.sha <> ''
				AND EXISTS (SELECT 1 FROM effects e WHERE e.kind = 'status' AND e.repository_id = p.repository_id)
				AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.key = 'status:' || b.pipeline_id || ':' || b.sha) ORDER BY b.id`,
			// A newer build that retention deleted may be what was told.
			`SELECT 'build ' || b.id || ' is ' || b.status || ', and the last that its status said is ' || e.told FROM effects e
				JOIN builds b ON b.pipeline_id = e.pipeline_id AND b.sha = e.sha AND b.finished_at IS NOT NULL AND b.number = (
					SELECT max(n.number) FROM builds n WHERE n.pipeline_id = e.pipeline_id AND n.sha = e.sha)
				WHERE e.kind = 'status' AND e.done >= e.wanted AND NOT e.parked AND e.told NOT IN ('', b.id || ':' || b.status)
				AND (e.told = 'note' OR EXISTS (SELECT 1 FROM builds t WHERE t.pipeline_id = e.pipeline_id AND t.sha = e.sha AND e.told LIKE t.id || ':%')) ORDER BY b.id`,
			`SELECT 'build ' || b.id || ' ended, and nobody wants the comment of pull request ' || b.pr_number FROM builds b JOIN projects p ON p.id = b.project_id
				WHERE b.finished_at IS NOT NULL AND b.pr_number IS NOT NULL
				AND EXISTS (SELECT 1 FROM effects e WHERE e.key = 'status:' || b.pipeline_id || ':' || b.sha)
				AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.key = 'comment:' || p.repository_id || ':' || b.pr_number) ORDER BY b.id`,
		}, warnings: []string{
			`SELECT key || ' was given up after ' || attempts || CASE WHEN attempts = 1 THEN ' try: ' ELSE ' tries: ' END || last_error FROM effects
				WHERE parked AND done < wanted ORDER BY key`,
		}},
		{id: "I6", sentence: "A log has no gap and nothing twice", queries: []string{
			// Of an archived log the first chunks may be deleted already.
			`SELECT 'build ' || build_id || ' goes on at record ' || first_sequence || ' instead of ' || coalesce(expected, 0) FROM (
				SELECT build_id, first_sequence, lag(first_sequence + record_count) OVER (PARTITION BY build_id ORDER BY first_sequence) AS expected
				FROM log_chunks) AS c JOIN builds b ON b.id = c.build_id
				WHERE first_sequence <> coalesce(expected, CASE WHEN b.log_sha256 = '' THEN 0 ELSE first_sequence END)`,
			`SELECT 'build ' || b.id || ' has an archived log of ' || b.log_next || ' records, and rows of more' FROM builds b
				WHERE b.log_sha256 <> '' AND EXISTS (SELECT 1 FROM log_chunks c WHERE c.build_id = b.id AND c.first_sequence + c.record_count > b.log_next) ORDER BY b.id`,
			`SELECT 'build ' || b.id || ' has a log of ' || b.kept || ' records, and its runner shipped ' || b.log_until FROM (
				SELECT b.id, r.log_until, CASE WHEN b.log_sha256 <> '' THEN b.log_next ELSE coalesce((
					SELECT max(c.first_sequence + c.record_count) FROM log_chunks c WHERE c.build_id = b.id), 0) END AS kept
				FROM builds b JOIN build_records r ON r.build_id = b.id WHERE r.log_until IS NOT NULL AND b.lease_token = '') AS b
				WHERE b.kept <> b.log_until ORDER BY b.id`,
		}, look: (*Snapshot).compareLogs},
		{id: "I7", sentence: "Nothing of a build goes on after its end", queries: []string{
			`SELECT 'build ' || b.id || ' is ' || b.status || ', and its step ' || s.name || ' runs' FROM builds b JOIN steps s ON s.build_id = b.id
				WHERE b.finished_at IS NOT NULL AND b.lease_token = '' AND s.status = 'running' ORDER BY b.id`,
		}},
		{id: "I8", sentence: "Only a runner that had the build wrote for it", queries: []string{
			`SELECT 'build ' || b.id || ' was given to no runner, and has log, steps or artifacts' FROM builds b
				WHERE NOT EXISTS (SELECT 1 FROM build_events e WHERE e.build_id = b.id AND e.to_status = 'assigned')
				AND (EXISTS (SELECT 1 FROM log_chunks c WHERE c.build_id = b.id) OR EXISTS (SELECT 1 FROM steps s WHERE s.build_id = b.id)
					OR EXISTS (SELECT 1 FROM artifacts a WHERE a.build_id = b.id)) ORDER BY b.id`,
		}},
		{id: "I9", sentence: "A pull request has one comment, and a command one answer", queries: []string{
			`SELECT key || ' is a second comment of pull request ' || number FROM effects
				WHERE kind = 'comment' AND key <> 'comment:' || repository_id || ':' || number ORDER BY key`,
			`SELECT count(*) || ' comments are one at the forge, ' || remote_id FROM effects
				WHERE kind = 'comment' AND remote_id <> '' GROUP BY repository_id, remote_id HAVING count(*) > 1`,
			`SELECT key || ' is a second answer to delivery ' || delivery_id FROM effects
				WHERE kind IN ('reply', 'react') AND key <> kind || ':' || delivery_id ORDER BY key`,
		}},
		{id: "I10", sentence: "Secrets are sealed, and credentials are hashes", queries: []string{
			`SELECT 'integration ' || id || ' is not sealed' FROM integrations WHERE length(sealed) > 0 AND substr(sealed, 1, 3) <> $1`,
			`SELECT 'the webhook secret of repository ' || repository_id || ' is not sealed' FROM hook_secrets WHERE substr(sealed, 1, 3) <> $1`,
			`SELECT 'notification ' || id || ' is not sealed' FROM notifications WHERE length(sealed) > 0 AND substr(sealed, 1, 3) <> $1`,
			`SELECT 'secret ' || id || ' is not sealed' FROM secrets WHERE substr(sealed, 1, 3) <> $1`,
			`SELECT 'standing ' || id || ' is not sealed' FROM standings WHERE substr(sealed, 1, 3) <> $1`,
			`SELECT 'credential ' || id || ' is not sealed' FROM credentials WHERE length(sealed) > 0 AND substr(sealed, 1, 3) <> $1`,
			`SELECT 'credential ' || id || ' is no hash' FROM credentials WHERE length(hash) <> 64`,
		}},
		{id: "database", sentence: "The database's own files are whole", queries: queries(d.integrity), unasked: "PostgreSQL looks after its own files; ask pg_amcheck"},
	}
}

func queries(one string) []string {
	if one == "" {
		return nil
	}
	return []string{one}
}
