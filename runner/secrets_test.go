package runner

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

const canary = "c4n4ry'value \"with\"/odd+chars"

// withSecrets is a job whose configuration names the secrets.
func (r *repository) withSecrets(id, names string, commands ...string) core.Job {
	file := "# " + id + "\nversion: 1\nsecrets: [" + names + "]\ncommands:\n  build:\n"
	for _, c := range commands {
		file += "    - |\n      " + strings.ReplaceAll(c, "\n", "\n      ") + "\n"
	}
	r.commit(".oore.yaml", file)
	return r.job(id)
}

func TestASecretReachesTheCommandsAndNotTheLog(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	house.secrets = []core.SecretValue{{Name: "TOKEN", Value: canary}, {Name: "OTHER", Value: "unlisted!"}}
	startPool(t, house, 1)
	l := house.run(t, repo.withSecrets("b1", "TOKEN", `test "$TOKEN" = "c4n4ry'value \"with\"/odd+chars" && test -z "$OTHER"
echo "<$TOKEN>"
printf %s "$TOKEN" | base64 -w0; echo
printf 'me:%s' "$TOKEN" | base64 >&2
printf %s "$TOKEN" | od -An -tx1 | tr -d ' \n'; echo
set -x; : "$TOKEN"; set +x
printf %s "$TOKEN" | cut -c1-10 | tr -d '\n'; sleep 0.05; printf %s "$TOKEN" | cut -c11-
echo "lib/a.dart:1:2: Error: $TOKEN is wrong"`, `echo "$TOKEN" >&2; exit 3`))
	mustEnd(t, l, core.BuildFailed, core.ReasonCommandFailed, "build-2 failed: exit 3")
	if got, want := string(l.bytes(core.StreamStdout)), "<***>\n***\n***\n***\nlib/a.dart:1:2: Error: *** is wrong\n"; got != want {
		t.Errorf("stdout is %q, want %q", got, want)
	}
	if errors := string(l.bytes(core.StreamStderr)); strings.Count(errors, masked) != 3 {
		t.Errorf("stderr is %q", errors)
	}
	for _, form := range needles(canary) {
		for stream := range map[core.LogStream]bool{core.StreamStdout: true, core.StreamStderr: true} {
			if strings.Contains(string(l.bytes(stream)), form) {
				t.Errorf("%q is in %s", form, stream)
			}
		}
	}
	if len(l.result.Problems) != 1 || l.result.Problems[0].Message != "*** is wrong" {
		t.Errorf("problems %+v", l.result.Problems)
	}
	if system := string(l.bytes(core.StreamSystem)); !strings.Contains(system, "Secrets: TOKEN\n") {
		t.Errorf("the log does not name the secrets:\n%s", system)
	}
}

func TestOurOwnWordsHideSecretsToo(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	house.secrets = []core.SecretValue{{Name: "TOKEN", Value: "hard-coded"}}
	startPool(t, house, 1)
	l := house.run(t, repo.withSecrets("b1", "TOKEN", "curl -H hard-coded >/dev/null; true"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if strings.Contains(string(l.bytes("")), "hard-coded") || !strings.Contains(string(l.bytes("")), "$ curl -H ***") || strings.Contains(l.steps[1].Command, "hard-coded") {
		t.Errorf("the step is %+v, the log\n%s", l.steps[1], l.bytes(""))
	}
}

func TestASecretAsAFile(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	house.secrets = []core.SecretValue{{Name: "KEY", Value: "line number one\nline number two\n", File: true}}
	dir, _ := startPool(t, house, 1)
	l := house.run(t, repo.withSecrets("b1", "KEY", `stat -c '%a' "$KEY"; cat "$KEY"; echo "$KEY"; wc -c < "$KEY"; git status --porcelain`))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	path := secretsOf(filepath.Join(dir, "workspaces", "0")) + "/KEY"
	if got := string(l.bytes(core.StreamStdout)); got != "600\n***\n"+path+"\n32\n" {
		t.Errorf("stdout is %q", got)
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the file is still there: %v", err)
	}
	mustEnd(t, house.run(t, repo.job("b2", "true")), core.BuildSucceeded, "", "")
}

func TestABuildWithoutItsSecretsFails(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	l := house.run(t, repo.withSecrets("b1", "GONE", "echo ran"))
	mustEnd(t, l, core.BuildFailed, core.ReasonSecretMissing, "This project has no secret GONE")
	mustSteps(t, l, "checkout failed")
	house.setFault(func(call string) error {
		if call == "secrets" {
			return core.Codef(core.KindForbidden, core.ReasonSecretRefused, "It comes from a fork")
		}
		return nil
	})
	l = house.run(t, repo.withSecrets("b2", "GONE", "echo ran"))
	mustEnd(t, l, core.BuildFailed, core.ReasonSecretRefused, "It comes from a fork")
	down := 2
	house.setFault(func(call string) error {
		if call == "secrets" && down > 0 {
			down--
			return core.Errorf(core.KindUnavailable, "The database does not answer")
		}
		return nil
	})
	house.mu.Lock()
	house.secrets = []core.SecretValue{{Name: "GONE", Value: "found"}}
	house.mu.Unlock()
	mustEnd(t, house.run(t, repo.withSecrets("b3", "GONE", "test $GONE = found")), core.BuildSucceeded, "", "")
}

// Whoever starts a build names a branch and a commit, and may name any.
func TestABranchsSecretsAreForItsCommitsAlone(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	house.secrets = []core.SecretValue{{Name: "TOKEN", Value: "of-main", Branch: "main"}}
	startPool(t, house, 1)
	first := repo.withSecrets("first", "TOKEN", "test $TOKEN = of-main")
	mustEnd(t, house.run(t, first), core.BuildSucceeded, "", "")
	repo.git("checkout", "-q", "-b", "feature")
	feature := repo.withSecrets("feature", "TOKEN", "echo $TOKEN")
	l := house.run(t, feature)
	mustEnd(t, l, core.BuildFailed, core.ReasonSecretRefused, "is no part of that branch")
	repo.git("checkout", "-q", "main")
	repo.git("merge", "-q", "--ff-only", "feature") // which the mirror does not know yet
	feature.Build.ID, feature.Lease.BuildID = "merged", "merged"
	mustEnd(t, house.run(t, feature), core.BuildSucceeded, "", "")
	first.Build.ID, first.Lease.BuildID = "older", "older"
	mustEnd(t, house.run(t, first), core.BuildSucceeded, "", "")
	repo.git("branch", "-q", "release/x", "main")
	house.mu.Lock()
	house.secrets[0].Branch = "release" // which is not there, though release/x is
	house.mu.Unlock()
	feature.Build.ID, feature.Lease.BuildID = "nowhere", "nowhere"
	mustEnd(t, house.run(t, feature), core.BuildFailed, core.ReasonSecretRefused, "is no part of that branch")
}

func TestACheckoutsCredentialIsHiddenInLaterOutput(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	house.checkout = func(j core.Job) (core.Checkout, error) {
		return core.Checkout{URL: j.Repository.CloneURL, Username: user, Password: password}, nil
	}
	startPool(t, house, 1)
	l := house.run(t, repo.job("b1", "echo '"+password[:9]+"''"+password[9:]+"'"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.bytes(core.StreamStdout)); got != "***\n" {
		t.Errorf("stdout is %q", got)
	}
}
