package gitlabtest

import (
	"net/http"
	"net/http/cgi"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// serveGit serves {project}.git over git's smart HTTP, read only. A private project
// wants a token of somebody who may read it, as password of oauth2.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	name, inner, found := strings.Cut(strings.TrimPrefix(r.URL.Path, s.prefix+"/"), ".git/")
	s.mu.Lock()
	p := s.byName(name)
	allowed := found && p != nil && s.mayRead(r, p)
	s.mu.Unlock()
	if !allowed {
		w.Header().Set("WWW-Authenticate", `Basic realm="GitLab"`)
		http.Error(w, "HTTP Basic: Access denied.", http.StatusUnauthorized)
		return
	}
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	backend := cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Root: strings.TrimSuffix(r.URL.Path, "/"+inner),
		Env: []string{
			"GIT_PROJECT_ROOT=" + p.Dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_PROTOCOL=" + r.Header.Get("Git-Protocol"),
			"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_COUNT=4",
			"GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
			// GitLab serves every commit by its id.
			"GIT_CONFIG_KEY_1=uploadpack.allowAnySHA1InWant", "GIT_CONFIG_VALUE_1=true",
			"GIT_CONFIG_KEY_2=uploadpack.allowFilter", "GIT_CONFIG_VALUE_2=true",
			"GIT_CONFIG_KEY_3=http.receivepack", "GIT_CONFIG_VALUE_3=false",
		},
	}
	backend.ServeHTTP(w, r)
}

// mayRead looks at who asks. The caller holds mu.
func (s *Server) mayRead(r *http.Request, p *project) bool {
	user, password, sent := r.BasicAuth()
	if !sent {
		return !p.Private
	}
	t := s.tokens[password]
	reads := t.good() && (slices.Contains(t.scopes, "api") || slices.Contains(t.scopes, "read_repository"))
	return user == "oauth2" && reads && (!p.Private || p.members[t.user.ID] >= Reporter)
}
