package githubtest

import (
	"net/http"
	"net/http/cgi"
	"os/exec"
	"path/filepath"
	"strings"
)

// serveGit serves /{owner}/{repo}.git over git's smart HTTP, read only. A private
// repository wants a token with contents:read for it.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	name, inner, found := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), ".git/")
	s.mu.Lock()
	repo := s.repositories[strings.ToLower(name)]
	s.mu.Unlock()
	if !found || repo == nil {
		s.askCredentials(w, r)
		return
	}
	if !s.mayRead(r, repo) {
		s.askCredentials(w, r)
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
			"GIT_PROJECT_ROOT=" + repo.Dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_PROTOCOL=" + r.Header.Get("Git-Protocol"),
			"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_COUNT=4",
			"GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
			// GitHub serves every commit by its id, those of forks included.
			"GIT_CONFIG_KEY_1=uploadpack.allowAnySHA1InWant", "GIT_CONFIG_VALUE_1=true",
			"GIT_CONFIG_KEY_2=uploadpack.allowFilter", "GIT_CONFIG_VALUE_2=true",
			"GIT_CONFIG_KEY_3=http.receivepack", "GIT_CONFIG_VALUE_3=false",
		},
	}
	backend.ServeHTTP(w, r)
}

// askCredentials is what GitHub says to strangers, also about what is not there.
func (s *Server) askCredentials(w http.ResponseWriter, r *http.Request) {
	if _, _, sent := r.BasicAuth(); sent {
		http.Error(w, "Repository not found.", http.StatusNotFound)
		return
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
	http.Error(w, "Authentication required", http.StatusUnauthorized)
}

func (s *Server) mayRead(r *http.Request, repo *repository) bool {
	user, password, sent := r.BasicAuth()
	if !sent {
		return !repo.Private
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.lookup(password)
	return user == "x-access-token" && t != nil && !t.installation.suspended && t.allows(repo) && covers(t.permissions["contents"], "read")
}
