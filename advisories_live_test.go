package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// TestARunnersTokenIsOfNoUseForAnother asks every route of runners with the token of one
// for another's id, build and lease.
func TestARunnersTokenIsOfNoUseForAnother(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p := newProgram(t, database, nil, "OORE_RUNNERS=0").start()
		_, project, pipeline := p.shopWith(t, "echo ok")
		type registered struct {
			Runner idView
			Token  string
		}
		var mine, theirs registered
		p.must("POST", "/v1/runners/register", body{"name": "mine", "platform": "linux/x64"}, &mine)
		p.must("POST", "/v1/runners/register", body{"name": "theirs", "platform": "linux/x64"}, &theirs)
		var b idView
		p.must("POST", "/v1/projects/"+project.ID+"/builds", body{"pipeline_id": pipeline.ID}, &b)
		var job struct{ Lease struct{ Token string } }
		p.mustBy(theirs.Token, "POST", "/v1/runners/"+theirs.Runner.ID+"/claim?wait=5", nil, &job)
		before := p.raw("/v1/builds/"+b.ID, "application/json")
		c, tried := contract{matrixWorld: &matrixWorld{program: p}}, 0
		for _, r := range matrixRows(t) {
			if r.need != "runner" || r.path == "/v1/runners/self" {
				continue
			}
			for _, id := range []string{theirs.Runner.ID, mine.Runner.ID} {
				if id == mine.Runner.ID && !strings.Contains(r.path, ":build_id") {
					continue // its own
				}
				tried++
				text := []byte(`{"Status": "succeeded", "commit_sha": "` + strings.Repeat("a", 40) + `", "names": ["TOKEN"], "chunks": []}`)
				if strings.HasSuffix(r.path, "finish") {
					text = []byte(`{"Status": "succeeded"}`)
				}
				path := strings.NewReplacer(":id", id, ":build_id", b.ID).Replace(r.path)
				a := c.request(r.method, path, mine.Token, text, "X-Oore-Lease: "+job.Lease.Token)
				if a.status < 400 || a.status >= 500 {
					t.Errorf("%s %s is answered %d: %s", r.method, path, a.status, a.body)
				}
			}
		}
		if after := p.raw("/v1/builds/"+b.ID, "application/json"); tried < 15 || after != before {
			t.Errorf("after %d tries the build is %s, and was %s", tried, after, before)
		}
	})
}

// TestAForgedEventChangesNothingOfARepository renames, moves and deletes a repository and
// an installation by webhooks that nobody signed.
func TestAForgedEventChangesNothingOfARepository(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", workflow("echo ok"))
	project := "/v1/projects/" + s.githubProject("acme/shop", nil).ID
	before := s.raw(project, "application/json") + s.raw("/v1/integration-repositories", "application/json")
	repo := fmt.Sprintf(`"repository":{"id":%d,"full_name":"evil/shop","name":"shop","private":false,"owner":{"login":"evil","id":1},"default_branch":"evil"},"installation":{"id":%d}`, s.repo.ID, s.repo.InstallationID)
	for event, actions := range map[string][]string{"repository": {"renamed", "transferred", "deleted", "archived", "edited"}, "installation": {"deleted", "suspend"}, "installation_repositories": {"removed"}} {
		for _, action := range actions {
			payload := []byte(`{"action":"` + action + `",` + repo + `,"repositories_removed":[{"id":` + fmt.Sprint(s.repo.ID) + `}],"sender":{"login":"evil","id":1}}`)
			for _, signature := range []string{"", "sha256=" + strings.Repeat("0", 64), "sha1=" + strings.Repeat("0", 40), githubtest.Sign("another secret", payload), githubtest.Sign("", payload)} {
				c := contract{matrixWorld: &matrixWorld{program: s.program}}
				headers := []string{"X-GitHub-Event: " + event, "X-GitHub-Delivery: " + githubtest.NewDeliveryID()}
				if signature != "" {
					headers = append(headers, "X-Hub-Signature-256: "+signature)
				}
				if a := c.request("POST", "/v1/webhooks/github", "", payload, headers...); a.status != http.StatusUnauthorized {
					t.Errorf("%s %s with %q is answered %d %s", event, action, signature, a.status, a.body)
				}
			}
		}
	}
	var list deliveriesView
	s.must("GET", "/v1/deliveries", nil, &list)
	if after := s.raw(project, "application/json") + s.raw("/v1/integration-repositories", "application/json"); after != before || list.Total != 0 {
		t.Errorf("%d were stored; it is now\n%s, and was\n%s", list.Total, after, before)
	}
}

// TestNoByteOfALinkMayChange changes each byte of the links that are secrets, moves bytes
// over, and tries each link at the doors of the others.
func TestNoByteOfALinkMayChange(t *testing.T) {
	w := newMatrixWorld(t, "")
	var download, share struct{ URL string }
	w.must("POST", "/v1/artifacts/"+w.own["artifact"]+"/download-link", nil, &download)
	w.must("POST", "/v1/artifacts/"+w.own["artifact"]+"/share-links", nil, &share)
	var stream struct{ Token string }
	w.must("POST", "/v1/builds/"+w.own["build"]+"/stream-token", nil, &stream)
	last := func(address string) string { return address[strings.LastIndexByte(address, '/')+1:] }
	doors := map[string]string{"/dl/": last(download.URL), "/i/": last(share.URL), "/v1/builds/" + w.own["build"] + "/logs/stream?token=": stream.Token}
	opens := func(door, secret string) bool {
		resp, _ := w.ask("GET", w.url+door+secret)
		return resp.StatusCode == http.StatusOK
	}
	for door, secret := range doors {
		if !opens(door, secret) {
			t.Errorf("%s does not open by its own", door)
		}
		for other, theirs := range doors {
			if other != door && opens(door, theirs) {
				t.Errorf("%s opens by what is for %s", door, other)
			}
		}
		for i := range secret {
			changed := []byte(secret)
			changed[i] ^= 1
			for _, wrong := range []string{string(changed), secret[:i], secret[:i] + secret[i+1:], secret[:i] + "A" + secret[i:]} {
				if wrong != secret && regexp.MustCompile(`^[\w-]+$`).MatchString(wrong) && opens(door, wrong) {
					t.Errorf("%s opens by %s too, beside %s", door, wrong, secret)
				}
			}
		}
	}
	if opens("/v1/builds/"+w.other["build"]+"/logs/stream?token=", stream.Token) {
		t.Error("a stream token opens another build's log")
	}
}

// TestOddFormKeysOnEveryPage sends keys that ask for room that nobody has.
func TestOddFormKeysOnEveryPage(t *testing.T) {
	w := newMatrixWorld(t, "")
	admin := w.actors[5]
	memory := func() int {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
		if err != nil {
			return 0 // only Linux says how much a process has; the answers count everywhere
		}
		found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(text)
		n, _ := strconv.Atoi(string(found[1]))
		return n >> 10
	}
	before, asked := memory(), 0
	for _, r := range matrixRows(t) {
		if r.method != http.MethodPost || strings.HasPrefix(r.path, "/v1/") || r.unwatched || r.ends {
			continue
		}
		for _, odd := range []string{"a[-1]=x", "a[999999999]=x", "a[999999999999999999999]=x", "name[-1]=x&name[999999999]=x", strings.Repeat("a[b]", 5000) + "=x", strings.Repeat("a=1&", 20_000), "%=%&[=]", "name=" + strings.Repeat("%", 100)} {
			r.body, asked = odd, asked+1
			if got := w.send(admin, r, w.own[r.kind], w.own); got.status >= 500 {
				t.Errorf("%s with %.60s: %d %.200s", r.path, odd, got.status, got.body)
			}
		}
	}
	if grown := memory() - before; asked < 150 || grown > 128 {
		t.Errorf("%d questions cost %d MiB", asked, grown)
	}
}

// TestOddAddressesLeadNowhere writes the addresses of what is there in ways that another
// program on the way may read as something else.
func TestOddAddressesLeadNowhere(t *testing.T) {
	p := newProgram(t, "", nil, "OORE_RUNNERS=0").start()
	for _, path := range []string{
		"/v1/%2575sers", "/%25761/users", "/v1%2fusers", "/v1/x%2f..%2fusers", "/v1/x/..%2fusers", "/v1/..;/users", "/v1/x/..;/users", "/v1/users;x", "//v1/users", "/v1//users", "/v1/users.", "/v1/users..", "/v1/users%20", "/v1/users%00", "/v1/./users/.", "/v1\\users",
		"/static/..%2f..%2fgo.mod", "/static/%2e%2e/%2e%2e/etc/passwd", "/static/..%5c..%5cgo.mod", "/static//etc/passwd", "/static/....//....//etc/passwd", "/static/%252e%252e/go.mod",
	} {
		status, text, _ := p.exactly("GET", path, "", "Authorization: Bearer "+adminToken)
		if status != http.StatusNotFound && status != http.StatusBadRequest || bytes.Contains([]byte(text), []byte(`"users"`)) || strings.Contains(text, "module github.com") || strings.Contains(text, "root:") {
			t.Errorf("%s: %d %.200s", path, status, text)
		}
	}
}
