package githubtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// ask sends a request to the API and returns status and body.
func ask(t *testing.T, s *githubtest.Server, method, path, credential, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequest(method, s.APIURL()+strings.TrimPrefix(path, "/"), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/vnd.github+json")
	r.Header.Set("User-Agent", "test")
	if credential != "" {
		r.Header.Set("Authorization", credential)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if strings.HasPrefix(string(raw), "{") {
		if err := json.Unmarshal(raw, &out); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, out
}

func signed(t *testing.T, s *githubtest.Server, issuer string, issued, expires time.Duration) string {
	t.Helper()
	key, err := jwt.ParseRSAPrivateKeyFromPEM(s.PrivateKeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: issuer, IssuedAt: jwt.NewNumericDate(now.Add(issued)), ExpiresAt: jwt.NewNumericDate(now.Add(expires)),
	}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + token
}

func (w world) mint(t *testing.T, body string) string {
	t.Helper()
	status, out := ask(t, w.Server, "POST", fmt.Sprintf("app/installations/%d/access_tokens", w.repo.InstallationID),
		signed(t, w.Server, fmt.Sprint(w.AppID), -time.Minute, time.Minute), body)
	if status != http.StatusCreated {
		t.Fatalf("mint: %d %v", status, out)
	}
	return "token " + out["token"].(string)
}

type world struct {
	*githubtest.Server
	git  *githubtest.GitRepo
	repo githubtest.Repo
	sha  string
}

func newWorld(t *testing.T) world {
	w := world{Server: githubtest.New(t), git: githubtest.NewGitRepo(t)}
	w.sha = w.git.Commit("main", map[string]string{"a/b.txt": "hello"}, "First")
	w.repo = w.AddRepository("acme/shop", true, w.git.Dir)
	return w
}

func TestJWTs(t *testing.T) {
	w := newWorld(t)
	app := fmt.Sprint(w.AppID)
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"iss": app}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, credential string
		status           int
	}{
		{"good", signed(t, w.Server, app, -30*time.Second, 2*time.Minute), 200},
		{"good for ten minutes", signed(t, w.Server, app, -time.Minute, 9*time.Minute), 200},
		{"an App that is not there", signed(t, w.Server, "1", -30*time.Second, 2*time.Minute), 404},
		{"another App", signed(t, w.Server, fmt.Sprint(w.AddApp(t, "other").AppID), -30*time.Second, 2*time.Minute), 401},
		{"over", signed(t, w.Server, app, -10*time.Minute, -time.Minute), 401},
		{"too long", signed(t, w.Server, app, 0, 11*time.Minute), 401},
		{"from the future", signed(t, w.Server, app, 5*time.Minute, 6*time.Minute), 401},
		{"unsigned", "Bearer " + unsigned, 401},
		{"none", "", 401},
		{"an installation's token", w.mint(t, ""), 401},
	}
	for _, tt := range tests {
		if status, out := ask(t, w.Server, "GET", "app", tt.credential, ""); status != tt.status {
			t.Errorf("%s: %d %v", tt.name, status, out)
		}
	}
}

func TestTokensReachOnlyWhatTheyMay(t *testing.T) {
	w := newWorld(t)
	other := w.AddRepository("acme/other", true, w.git.Dir)
	elsewhere := w.AddRepository("globex/shop", true, w.git.Dir)
	status := func(repo string) string { return "repos/" + repo + "/statuses/" + w.sha }
	one := w.mint(t, fmt.Sprintf(`{"repository_ids":[%d],"permissions":{"statuses":"write"}}`, w.repo.ID))
	all := w.mint(t, "null\n")
	w.SetTokenLife(-time.Second)
	over := w.mint(t, "")
	tests := []struct {
		name, credential, method, path string
		status                         int
	}{
		{"its repository", one, "POST", status("acme/shop"), 201},
		{"another of the installation", one, "POST", status("acme/other"), 404},
		{"without the permission", one, "GET", "repos/acme/shop/commits/main", 403},
		{"all repositories", all, "POST", status("acme/other"), 201},
		{"another installation's", all, "POST", status("globex/shop"), 404},
		{"over", over, "POST", status("acme/shop"), 401},
		{"none", "", "POST", status("acme/shop"), 401},
	}
	for _, tt := range tests {
		if got, out := ask(t, w.Server, tt.method, tt.path, tt.credential, `{"state":"success"}`); got != tt.status {
			t.Errorf("%s: %d %v, want %d", tt.name, got, out, tt.status)
		}
	}
	for name, body := range map[string]string{
		"a foreign repository": fmt.Sprintf(`{"repository_ids":[%d,%d]}`, other.ID, elsewhere.ID),
		"what is not granted":  `{"permissions":{"administration":"write"}}`,
		"more than is granted": `{"permissions":{"contents":"write"}}`,
	} {
		got, _ := ask(t, w.Server, "POST", fmt.Sprintf("app/installations/%d/access_tokens", w.repo.InstallationID),
			signed(t, w.Server, fmt.Sprint(w.AppID), 0, time.Minute), body)
		if got != 422 {
			t.Errorf("minted for %s: %d", name, got)
		}
	}
}

func TestStatusesAreChecked(t *testing.T) {
	w := newWorld(t)
	token := w.mint(t, "")
	path := "repos/acme/shop/statuses/"
	for body, want := range map[string]int{
		`{"state":"success"}`: 201,
		`{"state":"running"}`: 422,
		`{"state":"success","description":"` + strings.Repeat("é", 140) + `"}`: 201,
		`{"state":"success","description":"` + strings.Repeat("é", 141) + `"}`: 422,
		`{"state":"success","target_url":"javascript:alert(1)"}`:               422,
		`{"state":`: 400,
	} {
		if got, out := ask(t, w.Server, "POST", path+w.sha, token, body); got != want {
			t.Errorf("%.60s: %d %v, want %d", body, got, out, want)
		}
	}
	for _, sha := range []string{strings.Repeat("0", 40), w.sha[:7], "main"} {
		got, out := ask(t, w.Server, "POST", path+sha, token, `{"state":"success"}`)
		if message, _ := out["message"].(string); got != 422 || !strings.HasPrefix(message, "No commit found for SHA") {
			t.Errorf("%s: %d %v", sha, got, out)
		}
	}
	if n := len(w.Statuses(w.sha)); n != 2 {
		t.Errorf("%d statuses", n)
	}
}

func TestAnonymousClientsMustSayWhoTheyAre(t *testing.T) {
	w := newWorld(t)
	r, err := http.NewRequest("GET", w.APIURL()+"app", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["User-Agent"] = []string{""}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestRequestsAreRecordedInOrder(t *testing.T) {
	w := newWorld(t)
	token := w.mint(t, "")
	w.FailNext(githubtest.ServerError(502))
	ask(t, w.Server, "GET", "repos/acme/shop", token, "")
	ask(t, w.Server, "POST", "repos/acme/shop/statuses/"+w.sha, token, `{"state":"success"}`)
	got := w.Requests()
	if len(got) != 3 || got[1].Status != 502 || got[2].Status != 201 || got[2].Path != "/repos/acme/shop/statuses/"+w.sha || string(got[2].Body) != `{"state":"success"}` {
		t.Errorf("got %+v", got)
	}
}

func TestDeliverSignsWhatItSends(t *testing.T) {
	w := newWorld(t)
	for _, form := range []bool{false, true} {
		got := make(chan *http.Request, 1)
		target := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || r.Header.Get("X-Hub-Signature-256") != w.Sign(body) {
				rw.WriteHeader(http.StatusUnauthorized)
			}
			got <- r
		}))
		resp, err := w.Deliver(target.URL, "push", w.PushPayload(w.repo, "main", "", w.sha), githubtest.Delivery{ID: "my-id", Form: form})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		r := <-got
		if resp.StatusCode != 200 || r.Header.Get("X-GitHub-Delivery") != "my-id" || r.Header.Get("X-GitHub-Event") != "push" {
			t.Errorf("form %v: %d %v", form, resp.StatusCode, r.Header)
		}
		target.Close()
	}
}

// record is a TB outside of the testing package that only notes what went wrong.
type record struct {
	testing.TB
	failures []string
}

func (r *record) Fatalf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func TestWaitStatus(t *testing.T) {
	w := newWorld(t)
	token := w.mint(t, "")
	done := make(chan githubtest.Status)
	go func() { done <- w.WaitStatus(t, w.sha, "ci", "success", time.Minute) }()
	ask(t, w.Server, "POST", "repos/acme/shop/statuses/"+w.sha, token, `{"state":"pending","context":"ci"}`)
	ask(t, w.Server, "POST", "repos/acme/shop/statuses/"+w.sha, token, `{"state":"success","context":"ci","description":"ok"}`)
	if got := <-done; got.State != "success" || got.Description != "ok" {
		t.Errorf("got %+v", got)
	}
	r := &record{TB: t}
	w.WaitStatus(r, w.sha, "ci", "failure", 10*time.Millisecond)
	if len(r.failures) != 1 {
		t.Errorf("waiting in vain failed %d times", len(r.failures))
	}
}
