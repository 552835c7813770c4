package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/backup"
)

// guarded is a .oore.yaml whose build needs its secret, and leaves an artifact.
func guarded(wait string) map[string]string {
	return map[string]string{".oore.yaml": "version: 1\nplatforms: []\nsecrets: [TOKEN]\nartifacts: {patterns: ['out/*']}\ncommands:\n  build:\n" +
		"    - " + wait + "test ${#TOKEN} -eq 12; mkdir out; echo \"app of $OORE_COMMIT_SHA\" > out/app.bin; echo built\n"}
}

// drill is a site that is backed up while it works.
type drill struct {
	*site
	flag     string // the build of the branch slow waits for this file
	pipeline pipelineView
	token    string // of the API
	ended    string // a build that has ended
	slow     string // a build that runs
	accepted []string
	file     string
}

func newDrill(t *testing.T, database string) *drill {
	t.Helper()
	d := &drill{site: newSite(t, database, guarded("")), flag: filepath.Join(t.TempDir(), "go"), file: filepath.Join(t.TempDir(), "oore.backup")}
	project := d.githubProject("acme/shop", nil)
	d.pipeline = d.program.pipeline(project.ID, "Android", nil)
	d.must("PUT", "/v1/projects/"+project.ID+"/secrets/TOKEN", map[string]any{"value": "s3cret-value"}, nil)
	d.token = strings.TrimSpace(d.command(nil, "token", "create", "--name", "laptop").stdout)
	d.ended = d.decided(d.deliver("push", d.gh.PushPayload(d.repo, "main", "", d.head))).Verdicts[0].BuildID
	if b := d.program.ended(d.ended); b.Status != "succeeded" {
		t.Fatalf("build %+v\n%s", b, d.rawLog(d.ended))
	}
	slow := d.git.Commit("slow", guarded("echo waiting; while [ ! -e "+d.flag+" ]; do sleep 0.05; done; "), "Slow")
	d.slow = d.decided(d.deliver("push", d.gh.PushPayload(d.repo, "slow", "", slow))).Verdicts[0].BuildID
	eventually(t, "the slow build runs", func() bool { return strings.Contains(d.rawLog(d.slow), "waiting\n") })
	return d
}

// backUp takes the backup while webhooks come in, and then stops the server for good.
func (d *drill) backUp() {
	d.t.Helper()
	var payloads [][]byte
	for n := range 12 {
		sha := d.git.Commit("main", map[string]string{"n": fmt.Sprint(n)}, fmt.Sprintf("Commit %d", n))
		payloads = append(payloads, d.gh.PushPayload(d.repo, "main", "", sha))
	}
	half := make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() {
		for n, payload := range payloads {
			if n == len(payloads)/2 {
				close(half)
			}
			resp, err := d.gh.Deliver(d.url+"/v1/webhooks/github", "push", payload, githubtest.Delivery{ID: fmt.Sprintf("load-%d", n)})
			if err != nil || resp.StatusCode != http.StatusOK {
				d.t.Errorf("delivery %d: %v", n, err)
				continue
			}
			resp.Body.Close()
			if n < len(payloads)/2 {
				d.accepted = append(d.accepted, fmt.Sprintf("load-%d", n))
			}
		}
	})
	<-half
	a := d.command(nil, "backup", d.file, "--artifacts")
	sender.Wait()
	info, err := os.Stat(d.file)
	if a.code != 0 || err != nil || info.Mode().Perm() != 0o600 || !strings.Contains(a.stdout, "with the encryption key") {
		d.t.Fatalf("backup %+v, %v", a, err)
	}
	again := d.command(nil, "backup", "--artifacts", d.file)
	if again.code != exitFailed || !strings.Contains(again.stderr, "is there already") {
		d.t.Errorf("%+v", again)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(d.file), ".oore-backup-*")); err != nil || len(left) > 0 {
		d.t.Errorf("left over: %v, %v", left, err)
	}
	d.showsNoSecret()
	d.verified(d.program)
	d.stop()
}

// showsNoSecret: no row of the backup has a secret or a token in clear.
func (d *drill) showsNoSecret() {
	d.t.Helper()
	file, saved, err := openBackup(d.file)
	if err != nil {
		d.t.Fatal(err)
	}
	defer file.Close()
	err = saved.Read(backup.Contents{Row: func(table string, _ []string, row []any) error {
		for _, value := range row {
			data, _ := value.([]byte)
			text := fmt.Sprint(value) + string(data)
			if strings.Contains(text, d.token) || strings.Contains(text, "s3cret-value") {
				d.t.Errorf("a row of %s shows a secret: %.200q", table, text)
			}
		}
		return nil
	}})
	if err != nil {
		d.t.Error(err)
	}
}

// verified checks that all promises hold.
func (d *drill) verified(p *program) {
	d.t.Helper()
	if a := p.command(nil, "verify", "--blobs"); a.code != 0 || strings.Contains(a.stdout, "BROKEN") {
		d.t.Errorf("verify %+v", a)
	}
}

// restored restores into new places, starts there, and holds it against what was.
func (d *drill) restored(t *testing.T, database, log string) {
	p := newProgram(t, database, d.gh)
	site := *d.site
	copied := drill{site: &site, flag: d.flag, ended: d.ended, slow: d.slow, pipeline: d.pipeline}
	copied.program, copied.t = p, t
	if a := p.command(nil, "restore", d.file); a.code != 0 {
		t.Fatalf("restore %+v", a)
	}
	copied.verified(p)
	p.start()
	if got := p.rawLog(d.ended); got != log {
		t.Errorf("the log is %q, and was %q", got, log)
	}
	copied.keepsArtifact()
	if status := p.as(d.token, "/v1/projects"); status != http.StatusOK {
		t.Errorf("the token is answered %d", status)
	}
	var list deliveriesView
	p.must("GET", "/v1/deliveries?limit=200", nil, &list)
	for _, id := range d.accepted {
		if !slices.ContainsFunc(list.Deliveries, func(v deliveryView) bool { return v.DeliveryID == id }) {
			t.Errorf("delivery %s was accepted before the backup, and is not there", id)
		}
	}
	copied.runsAgain()
	copied.verified(p)
	p.stop()
	copied.verified(p)
	copied.noticesBlobs()
}

func (d *drill) artifact() artifactView {
	d.t.Helper()
	var list artifactsView
	d.must("GET", "/v1/builds/"+d.ended+"/artifacts", nil, &list)
	if len(list.Artifacts) != 1 {
		d.t.Fatalf("artifacts %+v", list)
	}
	return list.Artifacts[0]
}

func (d *drill) keepsArtifact() {
	d.t.Helper()
	a := d.artifact()
	resp, body := d.ask("GET", d.url+"/v1/artifacts/"+a.ID+"/download", "Authorization: Bearer "+adminToken)
	if string(body) != "app of "+d.head+"\n" {
		d.t.Errorf("the artifact is answered %d: %q", resp.StatusCode, body)
	}
}

// runsAgain: what ran when the backup was made has ended as lost and is run anew, with
// its secret, and so is what is pushed now.
func (d *drill) runsAgain() {
	d.t.Helper()
	if b := d.program.ended(d.slow); b.Status != "failed" || b.StatusReason != "runner_lost" {
		d.t.Errorf("the build that ran is %+v", b)
	}
	if err := os.WriteFile(d.flag, nil, 0o600); err != nil {
		d.t.Fatal(err)
	}
	pushed := d.decided(d.deliver("push", d.gh.PushPayload(d.repo, "main", "", d.git.Commit("main", map[string]string{"n": d.url}, "After"))))
	if b := d.program.ended(pushed.Verdicts[0].BuildID); b.Status != "succeeded" {
		d.t.Errorf("what was pushed after the restore is %+v\n%s", b, d.rawLog(b.ID))
	}
	for _, b := range d.builds("") {
		if b = d.program.ended(b.ID); b.Status != "succeeded" && b.StatusReason != "runner_lost" {
			d.t.Errorf("build %+v\n%s", b, d.rawLog(b.ID))
		}
	}
	if again := d.builds("trigger_type=rerun"); !slices.ContainsFunc(again, func(b buildView) bool { return b.SourceBuildID == d.slow && b.Status == "succeeded" }) {
		d.t.Errorf("the build that ran was not run again: %+v", again)
	}
	eventually(d.t, "the forge is told", func() bool { return len(d.gh.Statuses(d.head)) > 0 })
}

// noticesBlobs changes a blob and then removes it.
func (d *drill) noticesBlobs() {
	d.t.Helper()
	dir := environment(d.env).lookup("OORE_DATA_DIR")
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs", "??", strings.Repeat("?", 64)))
	if err != nil || len(blobs) == 0 {
		d.t.Fatalf("no blobs: %v", err)
	}
	if err := os.WriteFile(blobs[0], []byte("changed"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	if a := d.command(nil, "verify"); a.code != 0 {
		d.t.Errorf("%+v", a)
	}
	if a := d.command(nil, "verify", "--blobs"); a.code != exitFailed || !strings.Contains(a.stdout, filepath.Base(blobs[0])+" has been changed") {
		d.t.Errorf("%+v", a)
	}
	d.savesTheRest(filepath.Base(blobs[0]))
	if err := os.Remove(blobs[0]); err != nil {
		d.t.Fatal(err)
	}
	var answer struct {
		OK       bool
		Findings []store.Finding
	}
	a := d.command(nil, "verify", "--json")
	if err := json.Unmarshal([]byte(a.stdout), &answer); err != nil || a.code != exitFailed || answer.OK {
		d.t.Errorf("%+v, %v", a, err)
	}
	if !slices.ContainsFunc(answer.Findings, func(f store.Finding) bool {
		return f.ID == "blobs" && f.Count > 0 && strings.Contains(f.Broken[0], "is missing")
	}) {
		d.t.Errorf("%+v", answer)
	}
}

func TestABackupUnderLoadIsRestored(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		d := newDrill(t, database)
		log := d.rawLog(d.ended)
		d.backUp()
		onBoth(t, func(t *testing.T, database string) {
			if err := os.Remove(d.flag); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			d.restored(t, database, log)
		})
	})
}

// savesTheRest: one blob that was changed costs neither a backup nor a restore nor a move
// more than itself.
func (d *drill) savesTheRest(changed string) {
	d.t.Helper()
	file, fresh := filepath.Join(d.t.TempDir(), "rotten.backup"), []string{"OORE_DATA_DIR=" + filepath.Join(d.t.TempDir(), "fresh"), "OORE_DATABASE_URL="}
	if a := d.command(nil, "backup", "--artifacts", file); a.code != 0 || !strings.Contains(a.stderr, changed) || !strings.Contains(a.stderr, "has been changed") {
		d.t.Errorf("backup: %+v", a)
	}
	if a := d.command(fresh, "restore", file); a.code != 0 || !strings.Contains(a.stderr, changed) {
		d.t.Errorf("restore: %+v", a)
	}
	if a := d.command(fresh, "verify", "--blobs"); a.code != exitFailed || !strings.Contains(a.stdout, changed+" is missing") || strings.Count(a.stdout, " is missing") != 1 {
		d.t.Errorf("verify: %+v", a)
	}
	if a := d.command(nil, "blobs", "migrate", "--to", filepath.Join(d.t.TempDir(), "moved")); a.code != exitFailed || !strings.Contains(a.stderr, changed) || !strings.Contains(a.stdout, ", 1 missing or changed") || strings.HasPrefix(a.stdout, "0 copied") {
		d.t.Errorf("migrate: %+v", a)
	}
}
