package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestTheSandboxLetsABuildReadItsSecretsFileAlone(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	house.secrets = []core.SecretValue{{Name: "KEY", Value: "k3y-of-the-store", File: true}}
	dir := filepath.Join(newHome(t), "data")
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: dir, Log: quiet(), Sandbox: &SandboxOptions{}})
	if err != nil {
		t.Fatal(err)
	}
	runPool(t, pool)
	l := house.run(t, repo.withSecrets("b1", "KEY", `test "$(cat "$KEY")" = k3y-of-the-store && ! echo x 2>&1 > "$KEY"`))
	if pool.sandbox == nil {
		t.Logf("no sandbox here: %s", pool.unconfined)
		return
	}
	mustEnd(t, l, core.BuildSucceeded, "", "")
}

// Nothing of a secret is in an argument of any process, nor in a file but its own.
func TestASecretIsInNoArgumentAndNoFile(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	house.secrets = []core.SecretValue{{Name: "TOKEN", Value: "s3cr3t-canary"}, {Name: "KEY", Value: "f1le-canary", File: true}}
	dir, _ := startPool(t, house, 1)
	gate := filepath.Join(t.TempDir(), "gate")
	job := repo.withSecrets("b1", "TOKEN, KEY", "echo up; until test -e "+gate+"; do sleep 0.01; done")
	house.submit(job)
	house.untilPrinted(t, "b1", "up\n")
	for _, path := range append(exposed("s3cr3t-canary", dir), exposed("f1le-canary", dir)...) {
		own := strings.HasPrefix(path, "/proc/") && strings.HasSuffix(path, "/environ") || path == filepath.Join(secretsOf(filepath.Join(dir, "workspaces", "0")), "KEY")
		if !own {
			t.Errorf("a secret is in %s", path)
		}
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustEnd(t, house.wait(t, "b1"), core.BuildSucceeded, "", "")
}
