package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// migrateTo makes a database as the program made it whose last migration had this number.
func migrateTo(tb testing.TB, url string, last int) {
	tb.Helper()
	dialect := "postgres"
	if strings.HasPrefix(url, "sqlite:") {
		dialect = "sqlite"
	}
	files, err := filepath.Glob("migrations/*." + dialect + ".sql")
	ok(tb, err)
	execute(tb, url, `CREATE TABLE schema_migrations (
		version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)`)
	for _, file := range files {
		version, err := strconv.Atoi(filepath.Base(file)[:4])
		ok(tb, err)
		if version > last {
			break
		}
		text, err := os.ReadFile(file)
		ok(tb, err)
		execute(tb, url, string(text))
		sum := sha256.Sum256(text)
		execute(tb, url, fmt.Sprintf("INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (%d, '%s', '%s', 0)",
			version, strings.TrimSuffix(filepath.Base(file), "."+dialect+".sql"), hex.EncodeToString(sum[:])))
	}
}

// oldRows are those of a house that knew one host and no integrations.
const oldRows = `
	INSERT INTO repositories (id, provider, external_id, full_name, web_url, clone_url, default_branch, private, installation_id, created_at, updated_at)
	VALUES ('r1', 'github', '7', 'acme/shop', 'https://github.com/acme/shop', 'https://github.com/acme/shop.git', 'main', TRUE, 77, 1, 2),
		('r2', 'github', '8', 'acme/own', 'https://Git.Acme.dev:8443/acme/own', '', 'main', FALSE, 0, 1, 2),
		('r3', 'github', '9', 'acme/bare', '', '', 'main', FALSE, 0, 1, 2),
		('r4', 'github', '10', 'acme/short', 'https://ghe', '', 'main', FALSE, 0, 1, 2),
		('r5', 'git', '/srv/git/shop.git', 'shop', '', '/srv/git/shop.git', 'main', FALSE, 0, 1, 2);
	INSERT INTO projects (id, name, slug, description, repository_id, default_branch, forks, comments, trigger_role, visibility,
		last_build_number, created_at, updated_at)
	VALUES ('p1', 'Shop', 'shop', '', 'r1', '', 'approve', 'always', 'viewer', 'instance', 3, 1, 2);
	INSERT INTO heads (repository_id, ref, sha) VALUES ('r1', 'refs/heads/main', 'cafe');
	INSERT INTO deliveries (id, provider, delivery_id, event, action, repository, ref, sha, actor, status, reason_code, reason_text,
		verdicts, attempts, not_before, received_at, processed_at, payload)
	VALUES ('d1', 'github', 'guid', 'push', 'a', 'acme/shop', 'refs/heads/main', 'cafe', 'ann', 'processed', 'builds', '1 build.',
		'[{"pipeline_id":"x"}]', 2, 3, 4, 5, 'body');
	INSERT INTO effects (key, kind, repository_id, pipeline_id, sha, number, wanted, done, remote_id, sent, attempts, not_before, last_error, parked,
		updated_at, note_code, note_text, delivery_id)
	VALUES ('status:x:cafe', 'status', 'r1', 'x', 'cafe', 0, 2, 1, '', 'digest', 3, 4, 'oops', FALSE, 5, '', '', '');`

func TestHouseWithoutIntegrationsIsUpgraded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		migrateTo(t, url, 3)
		execute(t, url, oldRows)
		s, ctx := open(t, url), t.Context()

		for id, want := range map[string]core.Repository{
			"r1": {Provider: core.ProviderGitHub, Host: "github.com", ExternalID: "7"},
			"r2": {Provider: core.ProviderGitHub, Host: "git.acme.dev:8443", ExternalID: "8"},
			"r3": {Provider: core.ProviderGitHub, Host: "github.com", ExternalID: "9"},
			"r4": {Provider: core.ProviderGitHub, Host: "ghe", ExternalID: "10"},
			"r5": {Provider: core.ProviderGit, ExternalID: "/srv/git/shop.git"},
		} {
			found, err := s.FindRepositoryByExternalID(ctx, want.Provider, want.Host, want.ExternalID)
			ok(t, err)
			equal(t, core.Repository{Provider: found.Provider, Host: found.Host, ExternalID: found.ExternalID}, want)
			equal(t, found.ID, id)
		}

		project, err := s.FindProject(ctx, "p1")
		ok(t, err)
		equal(t, project.Repository.FullName, "acme/shop")
		equal(t, project.Checks, core.CheckStatus)
		equal(t, project.ReportSkipped, false)
		heads, err := s.ListHeads(ctx, "r1")
		ok(t, err)
		equal(t, heads, map[string]string{"refs/heads/main": "cafe"})
	})
}

// A build that somebody asked for in a channel is still shown there; what merely says so
// is not.
func TestUpgradeKeepsTheChannelOfABuild(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		migrateTo(t, url, 10)
		execute(t, url, `
			INSERT INTO repositories (id, provider, host, external_id, full_name, web_url, clone_url, default_branch, private, installation_id,
				unavailable, integration_id, hook_trouble, created_at, updated_at)
			VALUES ('r1', 'github', 'github.com', '7', 'acme/shop', '', '', 'main', FALSE, 0, '', '', '', 1, 2);
			INSERT INTO projects (id, name, slug, description, repository_id, default_branch, forks, comments, trigger_role, visibility,
				checks, report_skipped, last_build_number, created_at, updated_at)
			VALUES ('p1', 'Shop', 'shop', '', 'r1', '', 'approve', 'always', 'viewer', 'instance', 'status', FALSE, 3, 1, 2);
			INSERT INTO pipelines (id, project_id, name, slug, config_path, config_path_explicit, cancel_previous, max_concurrent, timeout_ns,
				status_context, enabled, created_at, updated_at)
			VALUES ('x', 'p1', 'X', 'x', '', FALSE, FALSE, 0, 0, 'oore/x', TRUE, 1, 1);`)
		for id, from := range map[string][2]string{
			"slack": {"chat", "slack:T1/C1/U1"}, "api": {"api", "slack:T1/C1/U1"}, "comment": {"chat", "github:pr/5#comment-1"}, "free": {"chat", ""},
		} {
			execute(t, url, fmt.Sprintf(`
				INSERT INTO builds (id, project_id, pipeline_id, number, status, status_reason, status_message, trigger_type, trigger_actor, trigger_event,
					trigger_ref, branch, tag, sha, commit_message, commit_author, pr_title, pr_url, pr_fork, delivery_id, source_build_id, lost_runs,
					runner_id, runner_name, lease_token, lease_expires_at, timeout_ns, queued_at, created_at, updated_at)
				VALUES ('%s', 'p1', 'x', %d, 'running', '', '', '%s', 'ann', '', '%s', 'main', '', 'cafe', '', '', '', '', FALSE, '', '', 0, '', '', '', 0, 0, 1, 1, 1)`,
				id, len(id), from[0], from[1]))
		}
		s := open(t, url)
		for id, want := range map[string]string{"slack": "T1/C1", "api": "", "comment": "", "free": ""} {
			b, err := s.FindBuild(t.Context(), id)
			ok(t, err)
			equal(t, b.ChatChannel, want)
		}
	})
}

func TestUpgradeKeepsDeliveries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		migrateTo(t, url, 3)
		execute(t, url, oldRows)
		s, ctx := open(t, url), t.Context()
		end := time.UnixMicro(5).UTC()
		want := core.Delivery{
			ID: "d1", Provider: core.ProviderGitHub, DeliveryID: "guid", Event: "push", Payload: []byte("body"), Action: "a", Repository: "acme/shop",
			Ref: "refs/heads/main", SHA: "cafe", Actor: "ann", Status: core.DeliveryProcessed, Reason: core.Reason{Code: "builds", Text: "1 build."},
			Verdicts: []core.DeliveryVerdict{{PipelineID: "x"}}, Attempts: 2, NotBefore: time.UnixMicro(3).UTC(),
			ReceivedAt: time.UnixMicro(4).UTC(), ProcessedAt: &end,
		}
		found, err := s.FindDelivery(ctx, "d1")
		ok(t, err)
		equal(t, found, want)
		stored, created, err := s.ReceiveDelivery(ctx, newDelivery("guid")) // known still
		ok(t, err)
		equal(t, created, false)
		equal(t, stored, want)
	})
}

func TestUpgradeKeepsEffects(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		migrateTo(t, url, 3)
		execute(t, url, oldRows)
		found, err := open(t, url).FindEffect(t.Context(), "status:x:cafe")
		ok(t, err)
		equal(t, found, core.Effect{
			Key: "status:x:cafe", Kind: core.EffectStatus, RepositoryID: "r1", PipelineID: "x", SHA: "cafe", Wanted: 2, Done: 1, Sent: "digest",
			Attempts: 3, NotBefore: time.UnixMicro(4).UTC(), LastError: "oops", UpdatedAt: time.UnixMicro(5).UTC(),
		})
	})
}

// TestHouseBeforeTheQueueWasOrderedIsUpgraded: what waits, what ended and who signs in is
// as it was, and all that is new works on it.
func TestHouseBeforeTheQueueWasOrderedIsUpgraded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		migrateTo(t, url, 16)
		execute(t, url, oldBuild+`
			INSERT INTO builds (id, project_id, pipeline_id, number, status, status_reason, status_message, trigger_type, trigger_actor, trigger_event, trigger_ref, branch, tag, sha,
				commit_message, commit_author, pr_title, pr_url, pr_fork, delivery_id, source_build_id, lost_runs, runner_id, runner_name, lease_token, lease_expires_at, timeout_ns,
				queued_at, created_at, updated_at)
			SELECT 'b' || n, 'p1', 'l1', n, 'queued', '', '', 'api', '', '', '', '', '', 'cafe', '', '', '', '', FALSE, '', '', 0, '', '', '', 0, 1, 10 - n, 10 - n, 1
			FROM (SELECT 2 AS n UNION ALL SELECT 3) AS numbers;
			INSERT INTO artifacts (id, build_id, project_id, name, kind, size_bytes, sha256, metadata, created_at)
			VALUES ('a1', 'b1', 'p1', 'app.apk', 'apk', 7, 'beef', '{}', 2);
			INSERT INTO users (id, name, email, role, enabled, created_at, updated_at) VALUES ('u1', 'Ann', 'ann@acme.dev', 'owner', TRUE, 1, 1);
			INSERT INTO identities (provider, subject, user_id, login, created_at) VALUES ('github', '7', 'u1', 'ann', 1);
			INSERT INTO deliveries (id, provider, delivery_id, integration_id, event, action, repository, ref, sha, actor, status, reason_code, reason_text,
				reply, attempts, not_before, received_at, payload)
			VALUES ('d1', 'github', 'guid', '', 'sweep', '', 'acme/shop', '', 'cafe', '', 'processed', '', '', '', 1, 3, 4, '');`)
		s, ctx := open(t, url), t.Context()

		p, err := s.FindPipeline(ctx, "l1")
		ok(t, err)
		equal(t, p.File, core.FileSettings{})
		user, err := s.FindUser(ctx, "u1")
		ok(t, err)
		equal(t, user.PasswordUsedAt == nil, true)
		identity, err := s.FindIdentity(ctx, "github", "7")
		ok(t, err)
		equal(t, identity, core.Identity{Provider: "github", Subject: "7", UserID: "u1", Login: "ann", CreatedAt: time.UnixMicro(1).UTC()})
		swept, err := s.ListSwept(ctx, time.Time{}, 10)
		ok(t, err)
		equal(t, len(swept), 1)

		ok(t, s.PutFirst(ctx, "b2")) // b3 waits for longer
		for _, want := range []string{"b2", "b3"} {
			b, err := s.ClaimBuild(ctx, core.Runner{ID: "r", Name: "r"}, "lease-"+want, at(0), at(60))
			ok(t, err)
			equal(t, b.ID, want)
		}
		done, _, err := s.ApplyRetention(ctx, core.Retention{BuildsDays: 1, ArtifactsDays: 1}, at(0), 10)
		ok(t, err)
		equal(t, done, core.Reclaims{}) // b1 is the last that says how the branch stands
	})
}
