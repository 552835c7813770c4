package gitlab_test

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab"
)

var _ core.FileReader = (*gitlab.Room)(nil)

func TestOneFileOfACommitIsRead(t *testing.T) {
	w := newWorld(t)
	old := w.git.Commit("main", map[string]string{".oore.yaml": "version: 1\n", "ci/a b.yaml": "version: 1 # other\n"}, "One")
	sha := w.git.Commit("main", map[string]string{".oore.yaml": "version: 2\n", "large": strings.Repeat("x", core.MaxWorkflowBytes+1)}, "Two")
	for _, c := range []struct{ sha, path, want string }{{old, ".oore.yaml", "version: 1"}, {sha, ".oore.yaml", "version: 2"}, {old, "ci/a b.yaml", "version: 1 # other"}} {
		if got, err := w.room.ReadFile(t.Context(), w.repo(), c.sha, c.path); err != nil || strings.TrimSpace(string(got)) != c.want {
			t.Errorf("%s at %s: %q, %v", c.path, c.sha, got, err)
		}
	}
	for _, c := range []struct {
		sha, path string
		kind      core.Kind
	}{
		{sha, ".oore.yml", core.KindNotFound},
		{old, "large", core.KindNotFound},
		{strings.Repeat("a", 40), ".oore.yaml", core.KindNotFound},
		{sha, "ci", core.KindNotFound},
		{sha, "large", core.KindTooLarge},
	} {
		_, err := w.room.ReadFile(t.Context(), w.repo(), c.sha, c.path)
		if core.KindOf(err) != c.kind {
			t.Errorf("%s at %s: %v", c.path, c.sha, err)
		}
	}
}
