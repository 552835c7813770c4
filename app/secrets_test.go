package app_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// vaultHouse is a house with a key, and its database's file.
type vaultHouse struct {
	*house
	path string
}

func newVaultHouse(t *testing.T) vaultHouse {
	t.Helper()
	database := storetest.SQLite(t)
	path, _ := store.SQLitePath(database)
	db, err := store.Open(t.Context(), database, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	vault, err := app.NewVault(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{
		store: db, forge: &fakeForge{}, clock: &fakeClock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)},
		owner: core.Actor{Kind: core.ActorUser, Name: "olga", Role: core.RoleOwner},
	}
	h.App, err = app.New(app.Deps{
		Store: db, Blobs: newBlobs(t), Archive: newArchive(t, newBlobs(t)), Vault: vault, Forges: map[core.Provider]core.Forge{core.ProviderGitHub: h.forge},
		Decoders: map[core.Provider]core.Decoder{core.ProviderGitHub: jsonDecoder{}}, Clock: h.clock.now, NewID: uuid.NewString,
		Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.EmbedRunner(t.Context(), core.Runner{ID: "r1", Name: "mini", Platform: "linux/x64", Slots: 2}); err != nil {
		t.Fatal(err)
	}
	return vaultHouse{h, path}
}

func (h *house) secret(t *testing.T, projectID string, in app.SetSecret) core.Secret {
	t.Helper()
	s, err := h.SetSecret(t.Context(), h.owner, projectID, in)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASecretIsSealedAndComesOutForItsBuildAlone(t *testing.T) {
	h := newVaultHouse(t)
	b := h.queued(t)
	job := h.running(t)
	first := h.secret(t, b.ProjectID, app.SetSecret{Name: "TOKEN", Value: "first-value"})
	again := h.secret(t, b.ProjectID, app.SetSecret{Name: "TOKEN", Value: "second-value"})
	h.secret(t, b.ProjectID, app.SetSecret{Name: "KEY", Value: "the key\n", File: true, Branches: []string{"main"}})
	if first.ID != again.ID || first.UpdatedBy != "olga" || !again.UpdatedAt.After(first.UpdatedAt) || again.Sealed != nil {
		t.Errorf("first %+v, then %+v", first, again)
	}
	list, err := h.ListSecrets(t.Context(), h.owner, b.ProjectID)
	if err != nil || len(list) != 2 || list[0].Name != "KEY" || list[1].ID != first.ID || list[0].Sealed != nil {
		t.Errorf("listed %+v, %v", list, err)
	}
	values, err := h.Secrets(t.Context(), job.Lease, []string{"TOKEN", "KEY"})
	if err != nil || len(values) != 2 || values[0] != (core.SecretValue{Name: "TOKEN", Value: "second-value"}) {
		t.Errorf("%#v, %v", values, err)
	}
	// Somebody asked for the build by hand, so the commit is to be looked at.
	if key := (core.SecretValue{Name: "KEY", Value: "the key\n", File: true, Branch: "main"}); values[1] != key {
		t.Errorf("%+v", values[1])
	}
	if _, err := h.Secrets(t.Context(), core.Lease{BuildID: b.ID, Token: "another"}, []string{"TOKEN"}); core.CodeOf(err) != core.CodeLeaseLost {
		t.Errorf("without the lease: %v", err)
	}
	if _, err := h.Secrets(t.Context(), job.Lease, []string{"TOKEN", "NONE"}); core.CodeOf(err) != core.ReasonSecretMissing || !strings.Contains(err.Error(), "NONE") {
		t.Errorf("one that is not there: %v", err)
	}
	if err := h.DeleteSecret(t.Context(), h.owner, b.ProjectID, "TOKEN"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Secrets(t.Context(), job.Lease, []string{"TOKEN"}); core.CodeOf(err) != core.ReasonSecretMissing {
		t.Errorf("one that was deleted: %v", err)
	}
	for _, file := range []string{h.path, h.path + "-wal"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{"first-value", "second-value", "the key"} {
			if bytes.Contains(data, []byte(value)) {
				t.Errorf("%s holds %q", file, value)
			}
		}
	}
}

func TestASealedSecretOpensInItsPlaceAlone(t *testing.T) {
	h := newVaultHouse(t)
	b := h.queued(t)
	job := h.running(t)
	h.secret(t, b.ProjectID, app.SetSecret{Name: "TOKEN", Value: "the-value"})
	stored, err := h.store.FindSecret(t.Context(), b.ProjectID, "TOKEN")
	if err != nil {
		t.Fatal(err)
	}
	stored.ID, stored.Name = "moved", "OTHER"
	if _, err := h.store.SaveSecret(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	if values, err := h.Secrets(t.Context(), job.Lease, []string{"OTHER"}); core.CodeOf(err) != core.ReasonSecretMissing || !strings.Contains(err.Error(), "set it again") {
		t.Errorf("a row that was copied opens: %d values, %v", len(values), err)
	}
}

func TestAForksBuildGetsNoSecret(t *testing.T) {
	h := newVaultHouse(t)
	p := h.project(t, func(in *app.CreateProject) { in.Forks = core.ForksBuild })
	h.pipeline(t, p.ID, "Android")
	h.secret(t, p.ID, app.SetSecret{Name: "TOKEN", Value: "the-value"})
	pull := func(branch, sha string, fork bool) {
		e := pullRequest(4, branch, sha)
		e.PullRequest.Fork, e.Opener = fork, "eve"
		h.deliver(t, e)
	}
	pull("main", shaA, true)
	job := h.claim(t)
	for _, name := range []string{"TOKEN", "NONE"} { // and is not told which there are
		_, err := h.Secrets(t.Context(), job.Lease, []string{name})
		if core.CodeOf(err) != core.ReasonSecretRefused || !strings.Contains(err.Error(), "comes from a fork") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Nor does a build of it that somebody runs again.
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed, Reason: core.ReasonSecretRefused}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.RerunBuild(t.Context(), h.owner, job.Build.ID); err != nil {
		t.Fatal(err)
	}
	again := h.claim(t)
	if _, err := h.Secrets(t.Context(), again.Lease, []string{"TOKEN"}); core.CodeOf(err) != core.ReasonSecretRefused {
		t.Errorf("run again: %v", err)
	}
	pull("feature", shaB, false)
	if values, err := h.Secrets(t.Context(), h.claim(t).Lease, []string{"TOKEN"}); err != nil || len(values) != 1 {
		t.Errorf("a pull request of our own: %v", err)
	}
}

func TestABranchsSecret(t *testing.T) {
	h := newVaultHouse(t)
	p := h.project(t)
	h.pipeline(t, p.ID, "Android")
	h.secret(t, p.ID, app.SetSecret{Name: "TOKEN", Value: "the-value", Branches: []string{"release/*"}})
	h.deliver(t, push("main", shaA))
	if _, err := h.Secrets(t.Context(), h.claim(t).Lease, []string{"TOKEN"}); core.CodeOf(err) != core.ReasonSecretRefused || !strings.Contains(err.Error(), "not for main") {
		t.Errorf("another branch: %v", err)
	}
	h.deliver(t, push("release/1", shaB))
	values, err := h.Secrets(t.Context(), h.claim(t).Lease, []string{"TOKEN"})
	if err != nil || values[0].Branch != "" {
		t.Errorf("the forge has told that it is the branch's: %+v, %v", values, err)
	}
}

func TestWhoManagesSecrets(t *testing.T) {
	h := newVaultHouse(t)
	p := h.project(t)
	for _, role := range []core.Role{core.RoleViewer, core.RoleDeveloper} {
		actor := core.Actor{Kind: core.ActorUser, Name: "dev", Role: role}
		_, listErr := h.ListSecrets(t.Context(), actor, p.ID)
		_, setErr := h.SetSecret(t.Context(), actor, p.ID, app.SetSecret{Name: "TOKEN", Value: "the-value"})
		for _, err := range []error{listErr, setErr, h.DeleteSecret(t.Context(), actor, p.ID, "TOKEN")} {
			if core.KindOf(err) != core.KindForbidden {
				t.Errorf("%s: %v", role, err)
			}
		}
	}
	for _, in := range []app.SetSecret{{Name: "token", Value: "the-value"}, {Name: "TOKEN", Value: "abc"}, {Name: "TOKEN", Value: "the-value", Branches: []string{""}}} {
		if _, err := h.SetSecret(t.Context(), h.owner, p.ID, in); core.KindOf(err) != core.KindInvalid || strings.Contains(err.Error(), "the-value") {
			t.Errorf("%+v: %v", in, err)
		}
	}
	if err := h.DeleteSecret(t.Context(), h.owner, p.ID, "NONE"); core.KindOf(err) != core.KindNotFound {
		t.Errorf("none: %v", err)
	}
	for i := range core.MaxSecrets {
		h.secret(t, p.ID, app.SetSecret{Name: fmt.Sprintf("S%d", i), Value: "the-value"})
	}
	if _, err := h.SetSecret(t.Context(), h.owner, p.ID, app.SetSecret{Name: "MORE", Value: "the-value"}); core.KindOf(err) != core.KindInvalid {
		t.Errorf("one too many: %v", err)
	}
	h.secret(t, p.ID, app.SetSecret{Name: "S1", Value: "another-value"})
	if list, err := h.ListSecrets(t.Context(), h.owner, p.ID); err != nil || len(list) != core.MaxSecrets {
		t.Errorf("%d are kept, %v", len(list), err)
	}
	if _, err := newHouse(t).SetSecret(t.Context(), h.owner, p.ID, app.SetSecret{Name: "TOKEN", Value: "the-value"}); err == nil {
		t.Error("a secret is set without a project")
	}
}
