package main

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers"
	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/web"
)

const unknownID = "0b7c3f1e-5a0d-4d3f-9c55-0d6f6d1cffff"

// matrixRow is a line of matrixTable.
type matrixRow struct {
	method, path    string // as asked
	need, kind      string
	body            string
	ends, unwatched bool
	shown           bool
}

func matrixRows(t *testing.T) map[string]matrixRow {
	t.Helper()
	rows := map[string]matrixRow{}
	for line := range strings.Lines(matrixTable) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		r := matrixRow{method: fields[0], path: fields[1], need: strings.TrimRight(fields[2], "!-~"), kind: "none"}
		r.ends, r.unwatched, r.shown = strings.Contains(fields[2], "!"), strings.Contains(fields[2], "-"), strings.Contains(fields[2], "~")
		if len(fields) > 3 {
			r.kind = fields[3]
		}
		if len(fields) > 4 {
			r.body = strings.Join(fields[4:], " ")
		}
		pattern, _, _ := strings.Cut(r.path, "?")
		if _, twice := rows[r.method+" "+pattern]; twice {
			t.Errorf("%s %s has two rows", r.method, pattern)
		}
		rows[r.method+" "+pattern] = r
	}
	return rows
}

// matrixActor is somebody who asks, and how far they get in each project.
type matrixActor struct {
	name, secret string
	known        bool // is let in at all
	admin        bool
	own, other   int // 0: does not see it
}

func rankOf(need string) int {
	return map[string]int{"read": 1, "trigger": 1, "developer": 2, "maintainer": 3, "house": 4}[need]
}

type matrixWorld struct {
	*program
	actors []matrixActor
	own    map[string]string // kind → id
	other  map[string]string
	member string // a user who is in neither project
	made   int
}

func newMatrixWorld(t *testing.T, database string) *matrixWorld {
	w := &matrixWorld{program: newProgram(t, database, nil, "OORE_RUNNERS=1").start()}
	w.own, w.other = w.things("Shop"), w.things("Vault")
	var u idView
	w.must("POST", "/v1/users/invite", body{"email": "member@example.com", "role": "viewer"}, &u)
	w.member = u.ID
	for _, things := range []map[string]string{w.own, w.other} {
		things["user"], things["unknown"] = u.ID, unknownID
	}
	w.people()
	var runners struct{ Runners []idView }
	w.must("GET", "/v1/runners", nil, &runners)
	w.must("PATCH", "/v1/runners/"+runners.Runners[0].ID, body{"enabled": false}, nil) // what is started from here on only waits
	w.own["runner"], w.other["runner"] = runners.Runners[0].ID, runners.Runners[0].ID
	return w
}

// things are one of each kind, in a project that its members alone see.
func (w *matrixWorld) things(name string) map[string]string {
	git := githubtest.NewGitRepo(w.t)
	files := map[string]string{".oore.yaml": "version: 1\ncommands: {build: ['echo made > made.txt']}\nartifacts: {patterns: [made.txt]}\n"}
	git.Commit("main", files, "First commit")
	var project struct{ ID, Slug string }
	w.must("POST", "/v1/projects", body{"name": name, "local_repository_path": git.Dir, "visibility": "members"}, &project)
	pipeline := w.pipeline(project.ID, "Android", nil)
	sha := git.Commit("main", map[string]string{"x": name}, "Second commit")
	things := map[string]string{"project": project.ID, "pipeline": pipeline.ID, "slug": project.Slug, "sha": sha, "folder": git.Dir}
	eventually(w.t, "the push is built", func() bool {
		builds := w.builds("project_id=" + project.ID)
		if len(builds) == 0 || builds[0].SHA != sha || !builds[0].ended() {
			return false
		}
		things["build"] = builds[0].ID
		return true
	})
	var deliveries struct{ Deliveries []idView }
	eventually(w.t, "the push is listed", func() bool {
		w.must("GET", "/v1/deliveries?sha="+sha, nil, &deliveries)
		return len(deliveries.Deliveries) > 0
	})
	things["delivery"] = deliveries.Deliveries[0].ID
	var artifacts struct{ Artifacts []idView }
	w.must("GET", "/v1/builds/"+things["build"]+"/artifacts", nil, &artifacts)
	things["artifact"] = artifacts.Artifacts[0].ID
	for _, kind := range []string{"notification", "share"} {
		things[kind] = w.fresh(kind, things)
	}
	w.fresh("schedule", things)
	return things
}

// fresh makes a thing that an asker may take away; it returns the id in its path.
func (w *matrixWorld) fresh(kind string, in map[string]string) string {
	w.made++
	project := "/v1/projects/" + in["project"]
	var made idView
	switch kind {
	case "project":
		w.must("POST", "/v1/projects", body{"name": fmt.Sprint("Passing ", w.made), "local_repository_path": in["folder"], "visibility": "members"}, &made)
		for _, a := range w.actors {
			if role := []string{"", "viewer", "developer", "maintainer"}[min(a.own, 3)]; role != "" && a.known && !a.admin {
				w.must("PUT", "/v1/projects/"+made.ID+"/members/"+w.own["user of "+a.name], body{"role": role}, nil)
			}
		}
	case "pipeline":
		w.must("POST", project+"/pipelines", body{"name": fmt.Sprint("Passing ", w.made)}, &made)
	case "notification":
		w.must("POST", project+"/notifications", body{"kind": "webhook", "target": "https://hooks.example.com/"}, &made)
	case "share":
		w.must("POST", "/v1/artifacts/"+in["artifact"]+"/share-links", nil, &made)
	case "schedule":
		w.must("POST", project+"/schedules", body{"pipeline_id": in["pipeline"], "name": fmt.Sprint("Passing ", w.made), "cron": "0 3 * * *"}, &made)
		in["schedule"], made.ID = made.ID, in["project"]
	case "secret":
		w.must("PUT", project+"/secrets/TOKEN", body{"value": "a secret value"}, nil)
		made.ID = in["project"]
	case "member":
		w.must("PUT", project+"/members/"+w.member, body{"role": "viewer"}, nil)
		made.ID = in["project"]
	default:
		w.t.Fatalf("nobody knows how to make a %s", kind)
	}
	return made.ID
}

func (w *matrixWorld) people() {
	token := func(session, name string, more body) (id, secret string) {
		in := body{"name": name}
		for key, value := range more {
			in[key] = value
		}
		var made struct{ ID, Token string }
		w.mustBy(session, "POST", "/v1/api-tokens", in, &made)
		return made.ID, made.Token
	}
	person := func(name, role, inProject string) (id, session string) {
		var u struct {
			ID  string
			URL string `json:"sign_in_url"`
		}
		w.must("POST", "/v1/users/invite", body{"email": name + "@example.com", "role": role}, &u)
		if inProject != "" {
			w.must("PUT", "/v1/projects/"+w.own["project"]+"/members/"+u.ID, body{"role": inProject}, nil)
		}
		w.own["user of "+name] = u.ID
		return u.ID, w.signIn(u.URL)
	}
	add := func(name, role, inProject string, rank int) string {
		_, session := person(name, role, inProject)
		w.actors = append(w.actors, matrixActor{name: name, secret: session, known: true, admin: role == "admin", own: rank})
		return session
	}
	w.actors = append(w.actors, matrixActor{name: "anonymous"})
	add("stranger", "viewer", "", 0)
	add("viewer", "viewer", "viewer", 1)
	add("developer", "viewer", "developer", 2)
	maintainer := add("maintainer", "viewer", "maintainer", 3)
	add("admin", "admin", "", 4)
	w.actors[len(w.actors)-1].other = 4

	_, ended := token(maintainer, "ended", body{"expires_in": 1})
	w.actors = append(w.actors, matrixActor{name: "expired token", secret: ended, own: 3})
	_, foreign := token(adminToken, "foreign", body{"project_id": w.other["project"], "role": "viewer"})
	w.actors = append(w.actors, matrixActor{name: "token of another project", secret: foreign, known: true, other: 1})
	id, session := person("disabled", "viewer", "maintainer")
	_, shut := token(session, "shut", nil)
	if status := w.call("DELETE", "/v1/users/"+id, nil, nil); status != http.StatusNoContent {
		w.t.Fatal(status)
	}
	w.actors = append(w.actors, matrixActor{name: "disabled user", secret: shut, own: 3})

	keep, _ := token(adminToken, "kept", nil)
	var sessions struct{ Sessions []idView }
	_, last := person("somebody", "viewer", "")
	w.mustBy(last, "GET", "/v1/sessions", nil, &sessions)
	for _, things := range []map[string]string{w.own, w.other} {
		things["token"], things["session"] = keep, sessions.Sessions[0].ID
	}
	eventually(w.t, "the token ends", func() bool {
		status, _ := w.by(ended, "GET", "/v1/users/me", nil)
		return status == http.StatusUnauthorized
	})
}

// matrixAnswer is all of an answer that may tell one thing from another.
type matrixAnswer struct {
	status int
	header string
	body   string
}

func (w *matrixWorld) send(a matrixActor, r matrixRow, id string, in map[string]string) matrixAnswer {
	w.t.Helper()
	path := strings.NewReplacer(":id<guid>", id, ":id", id, ":schedule_id", in["schedule"], ":build_id", unknownID, ":user_id", w.member, ":name", "TOKEN", ":part", "general", ":link", unknownID,
		":project", id, ":pipeline", in["pipeline"], ":number", "1", ":n", "0", ":secret", "oore_none", ":token", "oore_none", ":way", "none", "*", "none").Replace(strings.ReplaceAll(r.path, ":user_id", w.member))
	text := strings.NewReplacer("{pipeline}", in["pipeline"], "{sha}", in["sha"]).Replace(r.body)
	req, err := http.NewRequest(r.method, w.url+path, strings.NewReader(text))
	if err != nil {
		w.t.Fatal(err)
	}
	if a.secret != "" {
		req.Header.Set("Authorization", "Bearer "+a.secret)
	}
	if strings.HasPrefix(r.path, "/v1/") && text != "" {
		req.Header.Set("Content-Type", "application/json")
	} else if text != "" || r.method == http.MethodPost && !strings.HasPrefix(r.path, "/v1/") {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", r.method, path, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", r.method, path, err)
	}
	resp.Header.Del("Date")
	resp.Header.Del("X-Request-Id")
	return matrixAnswer{resp.StatusCode, fmt.Sprint(resp.Header), string(data)}
}

// TestEveryRouteForEveryActor asks every route of the server as each of nine actors, for
// something of their own project, of another one and for what is not there. What somebody
// does not see is answered as what is not there, to the byte.
func TestEveryRouteForEveryActor(t *testing.T) {
	t.Parallel()
	rows := matrixRows(t)
	var routes []string
	options := handlers.Options{Metrics: http.NotFoundHandler(), Pages: web.New(web.Options{})}
	for _, route := range handlers.New(options).GetRoutes(true) {
		if route.Method == http.MethodHead {
			continue
		}
		key := route.Method + " " + route.Path
		routes = append(routes, key)
		if _, known := rows[key]; !known {
			t.Errorf("%s has no row in matrixTable: who may ask it?", key)
		}
	}
	for key := range rows {
		if !slices.Contains(routes, key) {
			t.Errorf("%s is no route any more", key)
		}
	}
	onBoth(t, func(t *testing.T, database string) {
		w := newMatrixWorld(t, database)
		slices.Sort(routes)
		for _, key := range routes {
			r, known := rows[key]
			if !known {
				continue
			}
			for _, a := range w.actors {
				if r.unwatched && r.kind == "none" && (a.admin || r.need == "self" || r.need == "open") {
					continue
				}
				nothing := w.send(a, r, unknownID, w.own)
				w.judge(a, r, "what is not there", nothing, 0, nothing)
				for where, things := range map[string]map[string]string{"own project": w.own, "other project": w.other} {
					rank := map[string]int{"own project": a.own, "other project": a.other}[where]
					w.one(a, r, where, things, rank, nothing)
				}
			}
		}
	})
}

func (w *matrixWorld) one(a matrixActor, r matrixRow, where string, things map[string]string, rank int, nothing matrixAnswer) {
	w.t.Helper()
	if r.kind == "none" {
		return
	}
	may := a.known && (rankOf(r.need) > 0 && rank >= rankOf(r.need) || a.admin && (r.need == "admin" || r.need == "hidden") || r.need == "self")
	if r.unwatched && may {
		return
	}
	id := things[r.kind]
	if r.ends {
		id = w.fresh(r.kind, things)
		if r.kind == "project" && where == "other project" && !a.admin {
			return // a new project knows our own people
		}
	}
	got := w.send(a, r, id, things)
	got.body = regexp.MustCompile(regexp.QuoteMeta(id)).ReplaceAllString(got.body, unknownID)
	w.judge(a, r, where, got, rank, nothing)
}

// judge compares an answer with what the table says.
func (w *matrixWorld) judge(a matrixActor, r matrixRow, where string, got matrixAnswer, rank int, nothing matrixAnswer) {
	w.t.Helper()
	wrong := func(want string) {
		w.t.Errorf("%s asks %s %s (%s) of %s: %d, want %s: %.200s", a.name, r.method, r.path, r.need, where, got.status, want, got.body)
	}
	need := rankOf(r.need)
	switch {
	case got.status >= 500:
		wrong("no fault of ours")
	case r.need == "open":
	case r.need == "runner", !a.known:
		toLogin := a.secret == "" && got.status == http.StatusSeeOther && strings.Contains(got.header, "Location:[/login")
		if got.status != http.StatusUnauthorized && !toLogin {
			wrong("401")
		}
	case r.need == "self":
		if where != "what is not there" && got.status >= 401 && got.status <= 404 {
			wrong("to be let in")
		}
	case r.need == "admin" || r.need == "hidden":
		refusal := map[string]int{"admin": http.StatusForbidden, "hidden": http.StatusNotFound}[r.need]
		if !a.admin && (got.status != refusal || got != nothing && !r.shown) {
			wrong(fmt.Sprint(refusal, ", as for what is not there: ", nothing.status, " ", nothing.header))
		}
		if a.admin && r.kind != "unknown" && where != "what is not there" && got.status >= 401 && got.status <= 404 {
			wrong("to be let in")
		}
	case rank == 0 && (!r.shown || where == "what is not there"):
		if got.status != http.StatusNotFound || got != nothing {
			wrong(fmt.Sprintf("404 as for what is not there: %+v, not %+v", nothing, got))
		}
	case rank < need:
		if got.status != http.StatusForbidden {
			wrong("403")
		}
	default:
		if got.status >= 401 && got.status <= 404 {
			wrong("to be let in")
		}
	}
}
