package localgit

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// address is where a repository is: a folder of this machine, or a URL.
type address struct {
	text      string // as it is stored and cloned
	local     bool
	protocols string // what git may talk over towards it
}

var scpAddress = regexp.MustCompile(`^[A-Za-z0-9._-]+@[A-Za-z0-9][A-Za-z0-9.-]*:[^-:][^:]*$`)

// parseAddress accepts an absolute path, file://path, https, http and ssh URLs and
// user@host:path. Whether the asker may name a folder is decided before: no other
// spelling of a folder may pass for a URL here.
func parseAddress(s string) (address, error) {
	if path, ok := strings.CutPrefix(s, "file://"); ok {
		s = path
	}
	if filepath.IsAbs(s) {
		return address{text: filepath.Clean(s), local: true, protocols: "file"}, nil
	}
	if scpAddress.MatchString(s) {
		return address{text: s, protocols: "ssh"}, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || strings.HasPrefix(u.Host, "-") || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return address{}, refuse("%q is no address of a repository: give an absolute path or a URL such as https://host/name.git", s)
	}
	if _, secret := u.User.Password(); secret {
		return address{}, refuse("The address carries a password: take it out")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return address{}, refuse("The address must not have a query (?) or a fragment (#)")
	}
	a := address{text: strings.TrimRight(u.String(), "/")}
	switch u.Scheme {
	case "https":
		a.protocols = "https"
	case "http":
		a.protocols = "http:https" // a redirect may lead to https
	case "ssh":
		a.protocols = "ssh"
	default:
		return address{}, refuse("%s addresses are not supported: use https, http, ssh or an absolute path", u.Scheme)
	}
	return a, nil
}

func refuse(format string, args ...any) error {
	return core.Codef(core.KindInvalid, core.CodeRepositoryUnknown, format, args...)
}

// name is what people call the repository: shop for /srv/git/shop.git.
func (a address) name() string {
	path := strings.TrimSuffix(a.text, "/.git")
	path = path[strings.LastIndexAny(path, "/:")+1:]
	if name := strings.TrimSuffix(path, ".git"); name != "" {
		return name
	}
	return a.text
}

// gitDir is the git directory (or the file that points to it) of a local repository.
func (a address) gitDir() string {
	dir := filepath.Join(a.text, ".git")
	if _, err := os.Lstat(dir); err == nil {
		return dir
	}
	return a.text
}
