package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// lived is a house in which a build has run, with all that it leaves.
func lived(t *testing.T, url string) (h house, ended core.Build) {
	t.Helper()
	h = furnish(t, url)
	ctx := t.Context()
	b := h.newBuild()
	b.DedupeKey = "key"
	h.queue(t, b)
	b = h.claim(t, "lease")
	for minute, to := range []core.BuildStatus{core.BuildRunning, core.BuildSucceeded} {
		from, lease := b.Status, b.LeaseToken
		event, err := b.Transition(to, "one", "", at(2+minute))
		ok(t, err)
		if to == core.BuildSucceeded {
			b.LeaseToken, b.LeaseExpiresAt = "", time.Time{}
		}
		ok(t, h.UpdateBuild(ctx, b, from, lease, &event))
		if to == core.BuildRunning {
			chunks := []core.LogChunk{
				{BuildID: b.ID, FirstSequence: 0, Count: 2, At: at(2), Data: []byte("text \x00 of a log\n")},
				{BuildID: b.ID, FirstSequence: 2, Count: 1, At: at(2), Data: []byte("\xff\xfe")},
			}
			ok(t, h.AppendLog(ctx, lease, chunks))
			var shipped core.LogTally
			for _, c := range chunks {
				shipped.Add(c)
			}
			ok(t, h.SaveLogTally(ctx, b.ID, shipped))
		}
	}
	ok(t, h.SaveStep(ctx, core.Step{BuildID: b.ID, Index: 0, Name: "build", Status: core.StepSucceeded, StartedAt: at(2), FinishedAt: b.FinishedAt}))
	_, err := h.SaveArtifact(ctx, core.Artifact{
		ID: "artifact", BuildID: b.ID, ProjectID: b.ProjectID, Name: "app.apk", Kind: "apk", Size: 3, SHA256: strings.Repeat("a", 64), IconSHA256: strings.Repeat("b", 64), CreatedAt: at(3),
	})
	ok(t, err)
	key := core.StatusKey(b.PipelineID, b.SHA)
	ok(t, h.WantEffect(ctx, core.Effect{Key: key, Kind: core.EffectStatus, RepositoryID: h.project.RepositoryID, PipelineID: b.PipelineID, SHA: b.SHA, NotBefore: at(3), UpdatedAt: at(3)}))
	e, err := h.FindEffect(ctx, key)
	ok(t, err)
	e.Done, e.Told = e.Wanted, core.ToldOf(b)
	ok(t, h.SaveEffect(ctx, e, e.NotBefore))
	_, _, err = h.ReceiveDelivery(ctx, newDelivery("guid"))
	ok(t, err)
	execute(t, url, `UPDATE deliveries SET status = 'processed', processed_at = received_at,
		verdicts = '[{"pipeline_id":"`+b.PipelineID+`","build_id":"`+b.ID+`"},{"pipeline_id":"gone","build_id":"gone"}]'`)
	for _, kind := range []core.CredentialKind{core.CredentialAPIToken, core.CredentialSession, core.CredentialRunner, core.CredentialSignInLink, core.CredentialShare} {
		ok(t, h.CreateCredential(ctx, core.Credential{ID: string(kind), Kind: kind, Hash: strings.Repeat("c", 64), Role: core.RoleOwner, CreatedAt: at(3)}))
	}
	execute(t, url, `INSERT INTO secrets (id, project_id, name, file, branches, sealed, updated_at, updated_by)
		SELECT 'secret', id, 'TOKEN', FALSE, '', CAST('v1:sealed' AS `+bytesType(url)+`), 1, 'ann' FROM projects`)
	ok(t, h.CreateUser(ctx, core.User{ID: "user", Name: "Ann", Email: "ann@example.com", Role: core.RoleViewer, Enabled: true, CreatedAt: at(3), UpdatedAt: at(3)}))
	ok(t, h.SaveIdentity(ctx, core.Identity{Provider: "github:github.com", Subject: "7", UserID: "user", Login: "ann", CreatedAt: at(3)}))
	ok(t, h.SaveMember(ctx, core.Member{ProjectID: b.ProjectID, UserID: "user", Role: core.RoleMaintainer, CreatedAt: at(3)}))
	ok(t, h.AppendAudit(ctx, core.AuditEntry{ID: "entry", At: at(3), Action: core.AuditMemberSet, Changes: core.AuditChanges{{Field: "role", To: "maintainer"}}}))
	return h, b
}

func bytesType(url string) string {
	if strings.HasPrefix(url, "sqlite:") {
		return "BLOB"
	}
	return "BYTEA"
}

func verify(t *testing.T, s *store.Store) (findings []store.Finding) {
	t.Helper()
	ok(t, s.Snapshot(t.Context(), func(v *store.Snapshot) (err error) {
		findings, err = v.Verify()
		return err
	}))
	return findings
}

func clean(t *testing.T, s *store.Store) {
	t.Helper()
	for _, f := range verify(t, s) {
		if f.Count > 0 {
			t.Errorf("the house is whole, and this is found: %+v", f)
		}
	}
}

// loosened is a table without its constraints, which keep most of what is broken here
// from happening at all.
func loosened(table string) string {
	return fmt.Sprintf("ALTER TABLE %[1]s RENAME TO %[1]s_strict; CREATE TABLE %[1]s AS SELECT * FROM %[1]s_strict; ", table)
}

// breaches are ways to break what is promised. $now is the last sign of life.
func breaches() map[string][]string {
	const minute = "CAST(60000000 AS BIGINT)"
	builds := loosened("builds")
	copied := func(changed string) string {
		return builds + "UPDATE builds SET trigger_ref = ''; CREATE TABLE more AS SELECT * FROM builds; UPDATE more SET id = id || 'x', " + changed + "; INSERT INTO builds SELECT * FROM more"
	}
	return map[string][]string{
		"I1": {
			"UPDATE deliveries SET status = 'received', received_at = $now - 61000000, not_before = 0",
			"UPDATE deliveries SET status = 'received', not_before = $now + 16 * " + minute,
			loosened("deliveries") + "INSERT INTO deliveries SELECT * FROM deliveries_strict",
			`UPDATE deliveries SET verdicts = replace(verdicts, '"build_id":"build', '"build_id":"other')`,
		},
		"I2": {copied("number = 2"), copied("dedupe_key = NULL"), "UPDATE projects SET last_build_number = 0"},
		"I3": {
			"UPDATE builds SET lease_token = 'x', status = 'queued', finished_at = NULL",
			"UPDATE builds SET status = 'running', finished_at = NULL, lease_token = ''",
			"UPDATE builds SET lease_token = 'x', lease_expires_at = $now; " + copied("number = 2, dedupe_key = NULL"),
			"UPDATE build_events SET from_status = 'queued' WHERE to_status = 'succeeded'",
			"UPDATE build_events SET to_status = 'expired' WHERE to_status = 'succeeded'",
			"DELETE FROM build_events",
			copied("number = 2, dedupe_key = NULL, source_build_id = id, lost_runs = 1, created_at = finished_at - 1"),
		},
		"I4": {
			"UPDATE builds SET lease_token = 'x', lease_expires_at = $now - 61000000",
			"UPDATE builds SET status = 'running', finished_at = NULL, lease_token = 'x', lease_expires_at = $now, started_at = $now - 75 * " + minute,
			"UPDATE builds SET status = 'queued', finished_at = NULL, queued_at = $now - 1442 * " + minute,
			"UPDATE builds SET finished_at = NULL",
		},
		"I5": {
			"UPDATE effects SET done = 0, not_before = $now - 121000000",
			"UPDATE effects SET key = 'status:other'",
			"UPDATE effects SET done = 0, not_before = $now + 91 * " + minute,
			"UPDATE effects SET told = replace(told, 'succeeded', 'running')", // its end was not wanted told
			"UPDATE effects SET told = 'note'",
			copied("number = 2, dedupe_key = NULL"), // nor that of a rerun
			"UPDATE builds SET pr_number = 7",
		},
		"I6": {
			"DELETE FROM log_chunks WHERE first_sequence = 0",
			"UPDATE log_chunks SET first_sequence = 3 WHERE first_sequence = 2",
			"UPDATE log_chunks SET record_count = 3 WHERE first_sequence = 0",
			"UPDATE builds SET log_sha256 = 'a', log_next = 2",
			"DELETE FROM log_chunks WHERE first_sequence = 2", // the tail
			"DELETE FROM log_chunks",
			"UPDATE log_chunks SET data = CAST('text   of a log' AS $bytes) WHERE first_sequence = 0",
			"UPDATE log_chunks SET data = CAST('  ' AS $bytes) WHERE first_sequence = 2", // as many
			"UPDATE builds SET log_sha256 = 'a', log_next = 2; DELETE FROM log_chunks",
			"UPDATE builds SET log_sha256 = 'a', log_next = 3; UPDATE log_chunks SET record_count = 1 WHERE first_sequence = 0",
		},
		"I7": {"UPDATE steps SET status = 'running'"},
		"I8": {"DELETE FROM build_events WHERE to_status = 'assigned'"},
		"I9": {
			"UPDATE effects SET kind = 'comment', key = 'comment:other:1', number = 1",
			"UPDATE effects SET kind = 'reply', key = 'reply:other', delivery_id = 'd'",
			loosened("effects") + "UPDATE effects SET kind = 'comment', key = 'comment:' || repository_id || ':1', number = 1, remote_id = '7'; INSERT INTO effects SELECT * FROM effects",
		},
		"I10": {
			"UPDATE secrets SET sealed = CAST('plain' AS $bytes)",
			"UPDATE credentials SET hash = 'oore_secret' WHERE id = 'api_token'",
		},
	}
}

func TestEveryBreachIsFound(t *testing.T) {
	for id, statements := range breaches() {
		for n, statement := range statements {
			t.Run(fmt.Sprintf("%s-%d", id, n), func(t *testing.T) {
				storetest.Each(t, func(t *testing.T, url string) {
					h, b := lived(t, url)
					clean(t, h.Store)
					now := fmt.Sprint(b.FinishedAt.UnixMicro())
					execute(t, url, strings.NewReplacer("$now", now, "$bytes", bytesType(url)).Replace(statement))
					findings := verify(t, h.Store)
					if !slices.ContainsFunc(findings, func(f store.Finding) bool { return f.ID == id && f.Count > 0 && len(f.Broken) > 0 }) {
						t.Errorf("%s is broken, and only this is found: %+v", id, findings)
					}
				})
			})
		}
	}
}

// What was given up is no breach, and is told.
func TestWhatWasGivenUpIsAWarning(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, b := lived(t, url)
		execute(t, url, "UPDATE effects SET done = 0, parked = TRUE, attempts = 60, last_error = 'GitHub does not answer'")
		clean(t, h.Store)
		for _, f := range verify(t, h.Store) {
			if f.ID == "I5" {
				equal(t, f.Warnings, []string{core.StatusKey(b.PipelineID, b.SHA) + " was given up after 60 tries: GitHub does not answer"})
			}
		}
	})
}

// The newest build of a commit goes before an older one that is the last of its branch.
func TestAStatusThatToldOfADeletedBuildIsNoBreach(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, _ := lived(t, url)
		execute(t, url, "UPDATE effects SET told = 'gone:failed'")
		clean(t, h.Store)
	})
}

// oore verify called a build late that had waited for nothing but a paused queue.
func TestABuildInAPausedQueueIsNotLate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.queue(t, h.newBuild())
		_, err := h.PauseQueue(ctx, core.QueuePause{By: "sam", At: at(1)})
		ok(t, err)
		twoDays := 2 * 24 * 60
		ok(t, h.CreateRunner(ctx, core.Runner{ID: "r1", Name: "one", LastSeenAt: at(twoDays), CreatedAt: at(0), UpdatedAt: at(0)}))
		clean(t, h.Store)
		_, err = h.ResumeQueue(ctx, at(twoDays))
		ok(t, err)
		clean(t, h.Store)
	})
}

func TestOnlyTheFirstBreachesAreListed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		for range 23 {
			h.queue(t, h.newBuild())
		}
		execute(t, url, "UPDATE builds SET lease_token = id, lease_expires_at = updated_at, runner_id = 'r'")
		for _, f := range verify(t, h.Store) {
			if f.ID == "I3" && (f.Count != 23 || len(f.Broken) != 20) {
				t.Errorf("%+v", f)
			}
		}
	})
}

func TestADamagedDatabaseFileIsFound(t *testing.T) {
	url := storetest.SQLite(t)
	h, _ := lived(t, url)
	execute(t, url, "PRAGMA foreign_keys = OFF; DELETE FROM repositories")
	for _, f := range verify(t, h.Store) {
		if f.ID == "database" && f.Count == 0 {
			t.Errorf("%+v", f)
		}
	}
}

// What is being archived loses its rows from the front.
func TestAnArchivedLogMayLackItsBeginning(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, b := lived(t, url)
		execute(t, url, "UPDATE builds SET log_sha256 = 'sum', log_next = 3; DELETE FROM log_chunks WHERE first_sequence = 0")
		clean(t, h.Store)
		ok(t, h.Snapshot(t.Context(), func(v *store.Snapshot) error {
			files, err := v.ArtifactBlobs()
			ok(t, err)
			equal(t, files, []store.BlobUse{{Of: "artifact artifact", SHA256: strings.Repeat("a", 64)}, {Of: "artifact artifact", SHA256: strings.Repeat("b", 64)}})
			logs, err := v.LogBlobs()
			equal(t, logs, []store.BlobUse{{Of: "the log of build " + b.ID, SHA256: "sum"}})
			return err
		}))
	})
}

// An old program's database is looked at by the program that knows it.
func TestAnOldSchemaIsNotVerified(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		migrateTo(t, url, 3)
		s, err := store.OpenUnchanged(t.Context(), url)
		ok(t, err)
		err = s.Snapshot(t.Context(), func(v *store.Snapshot) error {
			_, err := v.Verify()
			return err
		})
		ok(t, s.Close())
		refused(t, err, core.KindConflict, "conflict")
	})
}
