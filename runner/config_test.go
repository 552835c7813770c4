package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestWhereTheCommandsComeFrom(t *testing.T) {
	const file = "version: 1\ncommands:\n  build: [\"echo from the file\"]\n"
	for _, c := range []struct {
		name     string
		files    map[string]string
		link     string // where .oore.yaml leads
		explicit string
		commands []string // of the pipeline
		printed  string
		reason   string
		message  string
	}{
		{name: "the file", files: map[string]string{".oore.yaml": file}, commands: []string{"echo pipeline"}, printed: "from the file\n"},
		{name: "the other spelling", files: map[string]string{".oore.yml": file}, printed: "from the file\n"},
		{name: "the pipeline", commands: []string{"echo pipeline"}, printed: "pipeline\n"},
		{name: "an explicit path", files: map[string]string{"ci/app.yaml": file, ".oore.yaml": "broken"}, explicit: "ci/app.yaml", printed: "from the file\n"},
		{name: "a link within", files: map[string]string{"ci/app.yaml": file}, link: "ci/app.yaml", printed: "from the file\n"},
		{
			name: "a missing explicit path", files: map[string]string{".oore.yaml": file}, explicit: "ci/app.yaml",
			commands: []string{"echo pipeline"}, reason: core.ReasonConfigMissing, message: "ci/app.yaml does not exist in this commit",
		},
		{
			name: "a broken file", files: map[string]string{".oore.yaml": "version: 1\ncommands:\n  bild: [x]\n"},
			commands: []string{"echo pipeline"}, reason: core.ReasonConfigInvalid, message: ".oore.yaml line 3, column 3: ",
		},
		{name: "nothing at all", reason: core.ReasonConfigMissing, message: "nothing to run"},
		{name: "an empty file", files: map[string]string{".oore.yaml": ""}, reason: core.ReasonConfigInvalid, message: ".oore.yaml line 1"},
		{name: "a link out", link: "/etc/passwd", reason: core.ReasonConfigInvalid, message: ".oore.yaml cannot be read as a file of the repository"},
		{name: "a path out", explicit: "../../../etc/passwd", reason: core.ReasonConfigInvalid, message: "cannot be read as a file of the repository"},
		{name: "a folder", files: map[string]string{".oore.yaml/x": "x"}, reason: core.ReasonConfigInvalid, message: ".oore.yaml is no plain file"},
		{
			name: "a huge file", files: map[string]string{".oore.yaml": file + strings.Repeat("# more\n", 50_000)},
			reason: core.ReasonConfigInvalid, message: "at most 262144 are read",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			repo, house := newRepository(t), newHouse()
			startPool(t, house, 1)
			for name, content := range c.files {
				repo.commit(name, content)
			}
			if c.link != "" {
				repo.must(os.Symlink(c.link, filepath.Join(repo.dir, ".oore.yaml")))
				repo.commit("more", "x")
			}
			job := repo.job("b1", c.commands...)
			if c.explicit != "" {
				job.Pipeline.ConfigPath, job.Pipeline.ConfigPathExplicit = c.explicit, true
			}
			l := house.run(t, job)
			if c.reason == "" {
				mustEnd(t, l, core.BuildSucceeded, "", "")
				if got := string(l.bytes(core.StreamStdout)); got != c.printed {
					t.Errorf("printed %q", got)
				}
				return
			}
			mustEnd(t, l, core.BuildFailed, c.reason, c.message)
			mustSteps(t, l, "checkout failed")
			if !bytes.Contains(l.bytes(core.StreamSystem), []byte(c.message)) {
				t.Errorf("the log does not say so:\n%s", l.bytes(core.StreamSystem))
			}
			if l.sha != repo.head() {
				t.Errorf("it failed without having started (%q)", l.sha)
			}
		})
	}
}

func TestNotesOfTheConfigurationAreInTheLog(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	repo.commit(".oore.yaml", "version: 1\ncommands:\n  build: [\"true\"]\nlabels: [macos]\n")
	l := house.run(t, repo.job("b1"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if !strings.Contains(string(l.bytes(core.StreamSystem)), "`labels` differs from the pipeline's") {
		t.Errorf("system lines:\n%s", l.bytes(core.StreamSystem))
	}
}
