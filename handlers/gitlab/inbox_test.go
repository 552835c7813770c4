package gitlab_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

// shelf is a Receiver that keeps what it gets, as the store does: one per identity. It
// also knows the secrets of repositories.
type shelf struct {
	mu      sync.Mutex
	stored  []app.ReceiveDelivery
	ids     map[string]string
	down    error
	secrets map[string][]core.HookSecret // by project
	marked  bool                         // a context descends from the request's
}

// mark is what the fiber server of the tests puts into the context of each request.
const mark = "mark"

func (s *shelf) ReceiveDelivery(ctx context.Context, in app.ReceiveDelivery) (string, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marked = s.marked || ctx.Value(mark) != nil
	if s.down != nil {
		return "", false, s.down
	}
	if id, known := s.ids[in.DeliveryID]; known {
		return id, true, nil
	}
	if s.ids == nil {
		s.ids = map[string]string{}
	}
	id := fmt.Sprintf("ours-%d", len(s.ids)+1)
	s.ids[in.DeliveryID], s.stored = id, append(s.stored, in)
	return id, false, nil
}

func (s *shelf) hookSecrets(_ context.Context, projectID string) ([]core.HookSecret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secrets[projectID], s.down
}

func (s *shelf) all() []app.ReceiveDelivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]app.ReceiveDelivery(nil), s.stored...)
}

func (s *shelf) last() app.ReceiveDelivery {
	all := s.all()
	if len(all) == 0 {
		return app.ReceiveDelivery{}
	}
	return all[len(all)-1]
}

// The secrets of the tests: one of a host, one of project 15 and one of project 16.
const (
	hostSecret = "host-wide-secret"
	secretA    = "secret-of-project-15"
	secretB    = "secret-of-project-16"
	oldSecretA = "second-secret-of-project-15"
)

var signingSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

func newShelf() *shelf {
	return &shelf{secrets: map[string][]core.HookSecret{
		"15": {{RepositoryID: "a", IntegrationID: "quiet", Secret: secretA}, {RepositoryID: "a2", IntegrationID: "loud", Secret: oldSecretA}},
		"16": {{RepositoryID: "b", IntegrationID: "quiet", Secret: secretB}},
		"17": {{RepositoryID: "c", IntegrationID: "quiet", Secret: signingSecret}},
		"18": {{RepositoryID: "d", IntegrationID: "quiet"}, {RepositoryID: "e", Secret: "of nobody's integration"}},
	}}
}

// newRoom speaks for a connection without a secret for its host, and one with.
func newRoom(t testing.TB) *gitlab.Room {
	t.Helper()
	room := gitlab.New(gitlab.Options{})
	connect := func(id, web, secret string) core.Connection {
		return core.Connection{Integration: core.Integration{ID: id, WebURL: web}, Secrets: core.Secrets{Token: "t", WebhookSecret: secret}}
	}
	if err := room.Connect([]core.Connection{connect("quiet", "https://quiet.example/", ""), connect("loud", "https://loud.example/gitlab/", hostSecret)}); err != nil {
		t.Fatal(err)
	}
	return room
}

// doors are the ways to the inbox: net/http and fiber's adaptor.
func doors(t *testing.T, s *shelf) map[string]string {
	t.Helper()
	inbox := newRoom(t).Inbox(s, s.hookSecrets)
	plain := httptest.NewServer(inbox)
	t.Cleanup(plain.Close)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := fiber.New(fiber.Config{DisableStartupMessage: true, BodyLimit: 26 << 20})
	server.Use(func(c *fiber.Ctx) error {
		c.Locals(mark, true)
		return c.Next()
	})
	server.Post("/v1/webhooks/gitlab", adaptor.HTTPHandler(inbox))
	done := make(chan error, 1)
	go func() { done <- server.Listener(ln) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections() // the server waits for them
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return map[string]string{"net/http": plain.URL, "fiber": "http://" + ln.Addr().String() + "/v1/webhooks/gitlab"}
}

// post sends a push of project 15 with every header right, but for those given: "" takes away.
func post(t *testing.T, client *http.Client, url, body string, header map[string]string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{
		"Content-Type": "application/json", "X-Gitlab-Event": "Push Hook", "Idempotency-Key": gitlabtest.NewKey(), "X-Gitlab-Token": secretA,
	}
	for name, value := range header {
		all[name] = value
	}
	for name, value := range all {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("the answer is no JSON: %v", err)
	}
	return resp.StatusCode, answer
}

const push15 = `{"object_kind":"push","project_id":15,"project":{"id":15,"path_with_namespace":"a/b"},"ref":"refs/heads/main"}`

func of(project string) string { return strings.ReplaceAll(push15, "15", project) }

func TestInboxRefuses(t *testing.T) {
	token := func(value string) map[string]string { return map[string]string{"X-Gitlab-Token": value} }
	tests := []struct {
		name   string
		body   string
		header map[string]string
		status int
		code   string
	}{
		{"no token", push15, token(""), 401, "missing_token"},
		{"another secret", push15, token("guess"), 401, "invalid_token"},
		{"a longer secret", push15, token(secretA + "x"), 401, "invalid_token"},
		{"a shorter secret", push15, token(secretA[:5]), 401, "invalid_token"},
		{"another case", push15, token(strings.ToUpper(secretA)), 401, "invalid_token"},
		{"the secret of another project", of("16"), token(secretA), 401, "invalid_token"},
		{"the other way round", push15, token(secretB), 401, "invalid_token"},
		{"an unknown project", of("99"), token(secretA), 401, "invalid_token"},
		{"no project", `{"object_kind":"push"}`, token(secretA), 401, "invalid_token"},
		{"a project with an empty secret", of("18"), token("anything"), 401, "invalid_token"},
		{"a project of no integration", of("18"), token("of nobody's integration"), 401, "invalid_token"},
		{"two projects", `{"project_id":15,"project":{"id":16}}`, token(secretA), 401, "invalid_token"},
		{"two projects, the other first", `{"project":{"id":15},"project_id":16}`, token(secretA), 401, "invalid_token"},
		{"a second project", `{"project":{"id":15},"project":{"id":16}}`, token(secretA), 401, "invalid_token"},
		{"a second project in other letters", `{"project_id":15,"PROJECT_ID":16}`, token(secretA), 401, "invalid_token"},
		{"a project far behind", `{"x":"` + strings.Repeat("a", 1<<20) + `","project_id":15}`, token(secretA), 401, "invalid_token"},
		{"no JSON", `{"project_id":`, token(secretA), 401, "invalid_token"},
		{"broken behind the project", `{"project_id":15,`, token(secretA), 401, "invalid_token"},
		{"a list", `[{"project_id":15}]`, token(secretA), 401, "invalid_token"},
		{"nothing", ``, token(secretA), 401, "invalid_token"},
		{"no JSON from the host", `{"project_id":`, token(hostSecret), 400, "invalid_input"},
		{"nothing from the host", ``, token(hostSecret), 400, "invalid_input"},
		{"too deep", strings.Repeat("[", 100_000), token(hostSecret), 400, "invalid_input"},
		{"a signing secret as token", of("17"), token(signingSecret), 401, "invalid_token"},
	}
	s := newShelf()
	for door, url := range doors(t, s) {
		for _, tt := range tests {
			t.Run(door+"/"+tt.name, func(t *testing.T) {
				status, answer := post(t, http.DefaultClient, url, tt.body, tt.header)
				if status != tt.status || answer["code"] != tt.code {
					t.Errorf("got %d %v, want %d %s", status, answer, tt.status, tt.code)
				}
				if text, _ := answer["error"].(string); text == "" || len(answer) != 2 {
					t.Errorf("not the envelope: %v", answer)
				}
			})
		}
	}
	if got := s.all(); len(got) != 0 {
		t.Errorf("refused deliveries were stored: %v", got)
	}
}

func TestUnknownAndWrongGetTheSameAnswer(t *testing.T) {
	s := newShelf()
	for _, url := range doors(t, s) {
		_, wrong := post(t, http.DefaultClient, url, push15, map[string]string{"X-Gitlab-Token": "guess"})
		_, unknown := post(t, http.DefaultClient, url, of("99"), map[string]string{"X-Gitlab-Token": "guess"})
		if fmt.Sprint(wrong) != fmt.Sprint(unknown) {
			t.Errorf("%v, and %v", wrong, unknown)
		}
	}
}

func TestInboxWithoutConnections(t *testing.T) {
	s := newShelf()
	inbox := gitlab.New(gitlab.Options{}).Inbox(s, s.hookSecrets)
	for _, token := range []string{"", secretA, hostSecret} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(push15))
		r.Header.Set("X-Gitlab-Token", token)
		w := httptest.NewRecorder()
		inbox.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), `"not_configured"`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// An empty secret of a host must open nothing, whatever is sent.
func TestEmptySecretsOpenNothing(t *testing.T) {
	s := &shelf{}
	room := gitlab.New(gitlab.Options{})
	if err := room.Connect([]core.Connection{{Integration: core.Integration{ID: "x", WebURL: "https://x.example/"}, Secrets: core.Secrets{Token: "t"}}}); err != nil {
		t.Fatal(err)
	}
	for _, values := range [][]string{{""}, {}, {" "}, {"", ""}, {"x"}} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(push15))
		r.Header["X-Gitlab-Token"] = values
		w := httptest.NewRecorder()
		room.Inbox(s, s.hookSecrets).ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%q: %d", values, w.Code)
		}
	}
	if len(s.all()) != 0 {
		t.Error("stored")
	}
}

func TestInboxTakesOnlyOneToken(t *testing.T) {
	for _, tokens := range [][]string{{secretA, "x"}, {"x", secretA}, {secretA, secretA}} {
		s := newShelf()
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(push15))
		r.Header["X-Gitlab-Token"] = tokens
		w := httptest.NewRecorder()
		newRoom(t).Inbox(s, s.hookSecrets).ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || len(s.all()) != 0 {
			t.Errorf("%v: %d", tokens, w.Code)
		}
	}
}

func TestInboxStores(t *testing.T) {
	tests := []struct {
		name, body, event, token, integration string
	}{
		{"a push", push15, "Push Hook", secretA, "quiet"},
		{"the same id at another host", push15, "Push Hook", oldSecretA, "loud"},
		{"an id as text", `{"project_id":"15"}`, "Push Hook", secretA, "quiet"},
		{"a merge request", `{"object_kind":"merge_request","project":{"id":15}}`, "Merge Request Hook", secretA, "quiet"},
		{"an event of later", of("16"), "Teleport Hook", secretB, "quiet"},
		{"the host's", of("99"), "Push Hook", hostSecret, "loud"},
		{"the host's without project", `{"event_name":"user_create"}`, "System Hook", hostSecret, "loud"},
		{"what is no object", `[]`, "Push Hook", hostSecret, "loud"},
	}
	s := newShelf()
	for door, url := range doors(t, s) {
		for _, tt := range tests {
			key := gitlabtest.NewKey()
			status, answer := post(t, http.DefaultClient, url, tt.body, map[string]string{"X-Gitlab-Event": tt.event, "X-Gitlab-Token": tt.token, "Idempotency-Key": key})
			ours := s.ids[key]
			if status != 200 || answer["ok"] != true || answer["delivery_id"] != ours || answer["duplicate"] != nil || ours == "" {
				t.Errorf("%s, %s: %d %v", door, tt.name, status, answer)
			}
			want := app.ReceiveDelivery{Provider: core.ProviderGitLab, IntegrationID: tt.integration, DeliveryID: key, Event: tt.event, Payload: []byte(tt.body)}
			if got := s.last(); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s, %s: stored %+v", door, tt.name, got)
			}
		}
	}
	if s.marked {
		t.Error("the store was given the request's context, which fiber recycles")
	}
}

func TestIdentities(t *testing.T) {
	s := newShelf()
	for _, url := range doors(t, s) {
		stored := func(body string, header map[string]string) string {
			t.Helper()
			all := map[string]string{"Idempotency-Key": ""}
			for name, value := range header {
				all[name] = value
			}
			if status, answer := post(t, http.DefaultClient, url, body, all); status != 200 {
				t.Fatalf("%d %v", status, answer)
			}
			return s.last().DeliveryID
		}
		uuid := gitlabtest.NewKey()
		if got := stored(push15, map[string]string{"Idempotency-Key": "k1" + uuid, "Webhook-Id": "k2", "X-Gitlab-Event-UUID": uuid}); got != "k1"+uuid {
			t.Errorf("a key: %q", got)
		}
		if got := stored(push15, map[string]string{"Webhook-Id": "k2" + uuid, "X-Gitlab-Event-UUID": uuid}); got != "k2"+uuid {
			t.Errorf("the webhook's id: %q", got)
		}
		one := stored(push15, map[string]string{"X-Gitlab-Event-UUID": uuid})
		two := stored(push15+" ", map[string]string{"X-Gitlab-Event-UUID": uuid})
		if !strings.HasPrefix(one, uuid+":") || one == two {
			t.Errorf("the event's UUID: %q, %q", one, two)
		}
		spaces := strings.Repeat(" ", len(s.all())) // bodies that no other case sends
		plain := stored(push15+spaces, nil)
		other := stored(push15+spaces+" ", nil)
		kind := stored(push15+spaces, map[string]string{"X-Gitlab-Event": "Tag Push Hook"})
		if len(plain) != 64 || plain == other || plain == kind {
			t.Errorf("the body: %q, %q, %q", plain, other, kind)
		}
	}
}

func TestInboxAnswersARepeat(t *testing.T) {
	s := newShelf()
	for door, url := range doors(t, s) {
		before := len(s.all())
		key := gitlabtest.NewKey()
		var wg sync.WaitGroup
		duplicates := make(chan bool, 20)
		for range 20 {
			wg.Go(func() {
				status, answer := post(t, http.DefaultClient, url, push15, map[string]string{"Idempotency-Key": key})
				if status != 200 || answer["ok"] != true || answer["delivery_id"] == "" {
					t.Errorf("%s: %d %v", door, status, answer)
				}
				duplicates <- answer["duplicate"] == true
			})
		}
		wg.Wait()
		close(duplicates)
		n := 0
		for d := range duplicates {
			if d {
				n++
			}
		}
		if n != 19 || len(s.all()) != before+1 {
			t.Errorf("%s: %d of 20 were duplicates, %d stored", door, n, len(s.all())-before)
		}
	}
}

func TestInboxSaysWhenTheStoreIsDown(t *testing.T) {
	for _, down := range []error{
		core.Errorf(core.KindUnavailable, "the database at secret.example is down"), errors.New("disk full at secret.example"),
	} {
		s := newShelf()
		s.down = down
		for door, url := range doors(t, s) {
			for _, token := range []string{secretA, hostSecret, "guess"} {
				status, answer := post(t, http.DefaultClient, url, push15, map[string]string{"X-Gitlab-Token": token})
				if status != 503 || answer["code"] != "unavailable" || strings.Contains(fmt.Sprint(answer), "secret.example") {
					t.Errorf("%s, %v: %d %v", door, down, status, answer)
				}
			}
		}
	}
}

func TestInboxTakesLargeBodies(t *testing.T) {
	s := newShelf()
	body := `{"project_id":15,"x":"` + strings.Repeat("a", 20<<20) + `"}`
	for door, url := range doors(t, s) {
		if status, answer := post(t, http.DefaultClient, url, body, nil); status != 200 {
			t.Errorf("%s: %d %v", door, status, answer)
		}
	}
}

func TestInboxSurvivesABrokenBody(t *testing.T) {
	s := newShelf()
	r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader(push15), brokenReader{}))
	r.Header.Set("X-Gitlab-Token", secretA)
	w := httptest.NewRecorder()
	newRoom(t).Inbox(s, s.hookSecrets).ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || len(s.all()) != 0 {
		t.Errorf("%d, stored %v", w.Code, s.all())
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestSignatures(t *testing.T) {
	s := newShelf()
	body, id := of("17"), gitlabtest.NewKey()
	at := func(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }
	signed := func(seconds string) string { return gitlabtest.Sign(signingSecret, id, seconds, []byte(body)) }
	now := at(0)
	other := "whsec_" + base64.StdEncoding.EncodeToString([]byte("another key of thirty-two bytes!"))
	tests := []struct {
		name                       string
		id, time, signature, token string
		status                     int
	}{
		{"good", id, now, signed(now), "", 200},
		{"one of several", id, now, "v1,AAAA " + signed(now) + " v2,x", "", 200},
		{"with a token besides", id, now, signed(now), "whatever", 200},
		{"four minutes old", id, at(-4 * time.Minute), signed(at(-4 * time.Minute)), "", 200},
		{"six minutes old", id, at(-6 * time.Minute), signed(at(-6 * time.Minute)), "", 401},
		{"from the future", id, at(6 * time.Minute), signed(at(6 * time.Minute)), "", 401},
		{"another time", id, at(time.Second), signed(now), "", 401},
		{"another id", id + "x", now, signed(now), "", 401},
		{"no id", "", now, gitlabtest.Sign(signingSecret, "", now, []byte(body)), "", 401},
		{"no time", id, "", gitlabtest.Sign(signingSecret, id, "", []byte(body)), "", 401},
		{"another version", id, now, "v2" + strings.TrimPrefix(signed(now), "v1"), "", 401},
		{"another key", id, now, gitlabtest.Sign(other, id, now, []byte(body)), "", 401},
		{"no signature", id, now, "", signingSecret, 401},
	}
	for door, url := range doors(t, s) {
		for _, tt := range tests {
			status, answer := post(t, http.DefaultClient, url, body, map[string]string{
				"X-Gitlab-Token": tt.token, "Webhook-Id": tt.id, "Webhook-Timestamp": tt.time, "Webhook-Signature": tt.signature,
			})
			if status != tt.status {
				t.Errorf("%s, %s: %d %v", door, tt.name, status, answer)
			}
		}
	}
}

// Where two hosts have the same secret, the same project id means different projects.
func TestHostsThatShareASecret(t *testing.T) {
	s := newShelf()
	room := gitlab.New(gitlab.Options{})
	connect := func(id, web string) core.Connection {
		return core.Connection{Integration: core.Integration{ID: id, WebURL: web}, Secrets: core.Secrets{Token: "t", WebhookSecret: hostSecret}}
	}
	if err := room.Connect([]core.Connection{connect("one", "https://one.example/"), connect("two", "https://two.example/gitlab/"), connect("two again", "https://two.example/gitlab/")}); err != nil {
		t.Fatal(err)
	}
	for instance, want := range map[string]string{
		"https://one.example": "one", "https://two.example/gitlab": "two", "https://TWO.example/gitlab/": "two", "": "", "https://three.example": "",
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(push15+strings.Repeat(" ", len(s.all()))))
		r.Header.Set("X-Gitlab-Token", hostSecret)
		r.Header.Set("X-Gitlab-Instance", instance)
		w := httptest.NewRecorder()
		room.Inbox(s, s.hookSecrets).ServeHTTP(w, r)
		if want == "" && w.Code != http.StatusUnauthorized || want != "" && (w.Code != 200 || s.last().IntegrationID != want) {
			t.Errorf("%q: %d, %q, want %q", instance, w.Code, s.last().IntegrationID, want)
		}
	}
}

// Deliveries of many repositories at once stay apart: through fiber's adaptor strings
// are views of a buffer that the next request overwrites.
func TestManyDeliveries(t *testing.T) {
	const repositories, each = 50, 40
	s := &shelf{secrets: map[string][]core.HookSecret{}}
	for i := range repositories {
		id := strconv.Itoa(1000 + i)
		s.secrets[id] = []core.HookSecret{{RepositoryID: id, IntegrationID: "quiet", Secret: "secret of " + id}}
	}
	url := doors(t, s)["fiber"]
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	numbers := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range numbers {
				id, wrong := strconv.Itoa(1000+n%repositories), strconv.Itoa(1000+(n+1)%repositories)
				header := map[string]string{"X-Gitlab-Token": "secret of " + id, "Idempotency-Key": fmt.Sprintf("%s-%d", id, n), "X-Gitlab-Event": "Event " + id}
				if status, answer := post(t, client, url, of(id), header); status != 200 {
					t.Errorf("%s: %d %v", id, status, answer)
				}
				if n%10 == 0 {
					header["X-Gitlab-Token"] = "secret of " + wrong
					if status, _ := post(t, client, url, of(id), header); status != 401 {
						t.Errorf("%s with the secret of %s: %d", id, wrong, status)
					}
				}
			}
		})
	}
	for n := range repositories * each {
		numbers <- n
	}
	close(numbers)
	wg.Wait()
	if n := len(s.all()); n != repositories*each {
		t.Errorf("%d stored", n)
	}
	for _, d := range s.all() {
		id, _, _ := strings.Cut(d.DeliveryID, "-")
		if d.Event != "Event "+id || string(d.Payload) != of(id) || d.IntegrationID != "quiet" {
			t.Errorf("mixed up: %+v", d)
		}
	}
}

// The double's webhooks come through the door that EnsureHook names.
func TestDeliveriesOfTheDouble(t *testing.T) {
	w := newWorld(t)
	s := &shelf{secrets: map[string][]core.HookSecret{}}
	door := httptest.NewServer(w.room.Inbox(s, s.hookSecrets))
	t.Cleanup(door.Close)
	for _, secret := range []string{"plain secret", signingSecret} {
		s.secrets[fmt.Sprint(w.project.ID)] = []core.HookSecret{{RepositoryID: "r", IntegrationID: "one", Secret: secret}}
		if _, err := w.room.EnsureHook(t.Context(), w.repo(), door.URL, secret); err != nil {
			t.Fatal(err)
		}
		if answers := w.Fire(w.project, gitlabtest.PushHook, w.PushPayload(w.project, "main", w.base, w.head)); len(answers) != 1 || answers[0] != 200 {
			t.Errorf("answers %v", answers)
		}
		d := s.last()
		if e := decode(t, d.Event, d.Payload); e.SHA != w.head || d.IntegrationID != "one" {
			t.Errorf("got %+v of %+v", e, d)
		}
	}
	s.secrets = nil
	for range 4 {
		w.Fire(w.project, gitlabtest.PushHook, w.PushPayload(w.project, "main", w.base, w.head))
	}
	if h := w.Hooks(w.project)[0]; h.AlertStatus != "disabled" {
		t.Errorf("a webhook that always fails: %+v", h)
	}
	s.secrets = map[string][]core.HookSecret{fmt.Sprint(w.project.ID): {{RepositoryID: "r", IntegrationID: "one", Secret: "new"}}}
	if repair, err := w.room.EnsureHook(t.Context(), w.repo(), door.URL, "new"); err != nil || repair != (core.HookRepair{Off: true, Tested: true}) {
		t.Fatalf("%+v, %v", repair, err)
	}
	if h := w.Hooks(w.project)[0]; h.AlertStatus != "executable" || h.Token != "new" {
		t.Errorf("got %+v", h)
	}
	if e := decode(t, s.last().Event, s.last().Payload); e.SHA != w.head || e.Branch != "main" {
		t.Errorf("the test was %+v", e)
	}
}
