package githubtest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// manifest is what GitHub reads of a description of an App. Unknown fields are refused.
type manifest struct {
	Name        string            `json:"name"`
	URL         string            `json:"url"`
	Hook        *manifestHook     `json:"hook_attributes"`
	RedirectURL string            `json:"redirect_url"`
	SetupURL    string            `json:"setup_url"`
	OnUpdate    bool              `json:"setup_on_update"`
	Public      bool              `json:"public"`
	Permissions map[string]string `json:"default_permissions"`
	Events      []string          `json:"default_events"`
}

type manifestHook struct {
	URL    string `json:"url"`
	Active *bool  `json:"active"`
}

// needed is the permission that each event wants; none is refused without.
func needed(event string) string {
	return map[string]string{
		"push": "contents", "pull_request": "pull_requests", "issue_comment": "issues", "pull_request_review": "pull_requests",
		"merge_group": "merge_queues", "check_run": "checks", "check_suite": "checks", "repository": "metadata",
	}[event]
}

func (m manifest) fault() string {
	redirect, err := url.Parse(m.RedirectURL)
	switch {
	case m.Name == "" || len(m.Name) > 34:
		return "Name is too long (maximum is 34 characters), or missing"
	case m.URL == "" || m.Hook != nil && m.Hook.URL == "":
		return `"url" wasn't supplied.`
	case err != nil || redirect.Host == "":
		return "redirect_url is not an address"
	case m.Hook != nil && (m.Hook.Active == nil || *m.Hook.Active) && loopback(m.Hook.URL):
		return "Hook url is not supported because it isn't reachable over the public Internet"
	}
	for name, level := range m.Permissions {
		if level != "read" && level != "write" {
			return "Default permission " + name + " is not included in the list"
		}
	}
	for _, event := range m.Events {
		if name := needed(event); name == "" || m.Permissions[name] == "" {
			return "Default events unsupported: " + event
		}
	}
	return ""
}

func loopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

// takeManifest is the page that a person's browser posts a manifest to. The person
// agrees at once, and is sent back with the code.
func (s *Server) takeManifest(w http.ResponseWriter, r *http.Request) {
	var m manifest
	decoder := json.NewDecoder(strings.NewReader(r.PostFormValue("manifest")))
	decoder.DisallowUnknownFields()
	fault := ""
	if err := decoder.Decode(&m); err != nil {
		fault = err.Error()
	} else {
		fault = m.fault()
	}
	if fault != "" {
		http.Error(w, "Invalid GitHub App configuration. "+fault, http.StatusUnprocessableEntity)
		return
	}
	code, err := s.register(m)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	back, _ := url.Parse(m.RedirectURL) // fault has tried it
	back.RawQuery = url.Values{"code": {code}, "state": {r.URL.Query().Get("state")}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// register makes the App and the code that its keys are given for.
func (s *Server) register(m manifest) (code string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slug := strings.ToLower(strings.Join(strings.Fields(m.Name), "-"))
	app, err := s.newApp(s.nextID(), slug, rand.Text()+rand.Text())
	if err != nil {
		return "", err
	}
	app.Name, app.permissions, app.events = m.Name, m.Permissions, slices.Sorted(slices.Values(m.Events))
	code = strings.ToLower(rand.Text() + rand.Text()[:14])
	s.apps, s.codes[code] = append(s.apps, app), app
	return code, nil
}

// ExpireCodes makes all codes of manifests worth nothing, as an hour does.
func (s *Server) ExpireCodes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.codes)
}

// convert gives the keys of a new App for its code, once.
func (s *Server) convert(c *call) answer {
	app := s.codes[c.PathValue("code")]
	if app == nil {
		return notFound()
	}
	delete(s.codes, c.PathValue("code"))
	out := app.show()
	out["client_secret"], out["webhook_secret"], out["pem"] = app.ClientSecret, app.WebhookSecret, string(app.PrivateKeyPEM)
	out["created_at"] = time.Now().UTC().Format(time.RFC3339)
	out["owner"] = object{"login": "octocat", "type": "User"}
	return created(out)
}

func idText(id int64) string { return strconv.FormatInt(id, 10) }
