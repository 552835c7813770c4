package runner

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestWhereASubmoduleIsFetchedFrom(t *testing.T) {
	const home = "https://forge.example/acme/app.git"
	for _, c := range []struct{ parent, written, want string }{
		{home, "https://other.example/x/y.git", "https://other.example/x/y.git"},
		{home, "http://other.example:8080/y", "http://other.example:8080/y"},
		{home, "https://[::1]:8080/y", "https://[::1]:8080/y"},
		{home, "ssh://git@other.example/y.git", "ssh://git@other.example/y.git"},
		{home, "git@other.example:x/y.git", "git@other.example:x/y.git"},
		{home, "../lib.git", "https://forge.example/acme/lib.git"},
		{home, "../../else/lib.git", "https://forge.example/else/lib.git"},
		{home, "./sub/../lib.git", "https://forge.example/acme/app.git/lib.git"},
		{home + "/", "../lib", "https://forge.example/acme/lib"},
		{"git@forge.example:acme/app.git", "../lib.git", "git@forge.example:acme/lib.git"},
		{"git@forge.example:app.git", "../lib.git", "git@forge.example:lib.git"},
		{"git@forge.example:/srv/app.git", "../lib.git", "git@forge.example:/srv/lib.git"},
		{"ssh://git@forge.example:22/acme/app", "../lib", "ssh://git@forge.example:22/acme/lib"},
	} {
		if got, err := submoduleAddress(c.parent, c.written, home); got != c.want || err != nil {
			t.Errorf("%s in %s: %q, %v", c.written, c.parent, got, err)
		}
	}
}

func TestSubmoduleAddressesThatAreRefused(t *testing.T) {
	const home, other = "https://forge.example/acme/app.git", "must be https, http or ssh"
	for _, c := range []struct{ parent, written, message string }{
		{home, "", "no url"},
		{home, "-u./payload", "starts with a dash"},
		{home, "--upload-pack=touch /tmp/x", "starts with a dash"},
		{home, "file:///etc", other},
		{home, "/srv/git/secret", other},
		{home, "lib", other},
		{home, "~/secret", other},
		{home, "ext::sh -c touch% /tmp/x", other},
		{home, "https::ext::sh", other},
		{home, "fd::17/foo", other},
		{home, "git://forge.example/x", other},
		{home, "HTTPS://forge.example/x", other},
		{home, "https:/forge.example/x", other},
		{home, "ssh://-oProxyCommand=touch/x", "not a plain one"},
		{home, "ssh://-x@forge.example/x", "not a plain one"},
		{home, "https:///x", "not a plain one"},
		{home, "https://forge.example%0ahost=evil.example/x", other},
		{home, "https://forge.example/%0ahost=evil.example", "not a plain one"},
		{home, "https://forge.example%0a@evil.example/x", "not a plain one"},
		{home, "https://evil.example\\@forge.example/x", "characters that no address needs"},
		{home, "https://evil.example#@forge.example/x", "characters that no address needs"},
		{home, "https://evil.example?@forge.example/x", "characters that no address needs"},
		{home, "https://forge.example/x\r", "characters that no address needs"},
		{home, "https://me:secret@forge.example/x", "carries a password"},
		{home, "../../../lib.git", "leads out of https://forge.example/"},
		{"git@forge.example:app.git", "../../lib", "leads out of git@forge.example:"},
		{"file:///srv/git/app", "../lib", "is a folder of the runner"},
	} {
		if got, err := submoduleAddress(c.parent, c.written, home); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%q in %s: %q, %v", c.written, c.parent, got, err)
		}
	}
}

func TestAFolderMustLieBesideTheRepository(t *testing.T) {
	top := t.TempDir()
	home := filepath.Join(top, "git", "app")
	for _, dir := range []string{home, filepath.Join(top, "git", "lib"), filepath.Join(top, "secret")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(top, "secret"), filepath.Join(home, "way-out")); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", "file://"} {
		for written, allowed := range map[string]bool{
			"../lib": true, "../../git/lib": true, "../../secret": false, "./way-out": false, "../": false, "../none": false,
			"../../../../../../../../../../../etc": false,
		} {
			got, err := submoduleAddress(prefix+home, written, prefix+home)
			if allowed && (err != nil || got != prefix+filepath.Join(top, "git", "lib")) || !allowed && err == nil {
				t.Errorf("%s: %q, %v", written, got, err)
			}
		}
	}
}

// Whatever is written in .gitmodules: an address that is taken names a plain host, or
// a folder beside the repository, and nothing that git would run.
func FuzzSubmoduleAddress(f *testing.F) {
	helper := regexp.MustCompile(`^[A-Za-z0-9+.-]+::`) // git runs git-remote-<what stands before>
	homes := []string{"https://forge.example/acme/app.git", "git@forge.example:acme/app.git", "ssh://git@forge.example:22/acme/app", "/srv/git/app"}
	for i, a := range addresses() {
		f.Add(a, i)
	}
	f.Add("../../else/lib.git", 0)
	f.Fuzz(func(t *testing.T, written string, at int) {
		home := homes[uint(at)%uint(len(homes))]
		address, err := submoduleAddress(home, written, home)
		if err != nil {
			return
		}
		protocols, err := allowedProtocols(address)
		if err != nil || protocols == "file" && !strings.HasPrefix(address, "/srv/git/") {
			t.Errorf("%q in %s is fetched from %q by %s, %v", written, home, address, protocols, err)
		}
		if strings.HasPrefix(address, "-") || helper.MatchString(address) || unprintable(address) {
			t.Errorf("%q in %s is fetched from %q", written, home, address)
		}
		if u, err := url.Parse(address); err == nil && u.Host != "" && !plainHost.MatchString(u.Host) {
			t.Errorf("%q in %s is fetched from the host %q", written, home, u.Host)
		}
	})
}
