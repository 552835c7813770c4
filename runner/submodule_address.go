package runner

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// plainHost is a host, with a port perhaps, that every parser of URLs reads alike.
var plainHost = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-fA-F:]+\])(:[0-9]+)?$`)

// submoduleAddress gives the address that a submodule is fetched from. written is what
// .gitmodules says, parent the address of the repository that it is in, home that of
// the build's own, beside which alone a folder may lie.
func submoduleAddress(parent, written, home string) (string, error) {
	address := written
	relative := strings.HasPrefix(written, "./") || strings.HasPrefix(written, "../")
	switch {
	case written == "":
		return "", errors.New("it has no url")
	case strings.HasPrefix(written, "-"):
		return "", errors.New("its url starts with a dash")
	case unprintable(written) || strings.ContainsAny(written, `\?#`):
		return "", errors.New("its url has characters that no address needs")
	case relative:
		var err error
		if address, err = relativeAddress(parent, written); err != nil {
			return "", err
		}
		if folder, ok := localFolder(address); ok {
			return address, beside(home, folder)
		}
	}
	return address, checkAddress(address)
}

// checkAddress lets through what git fetches over a network without running anything.
func checkAddress(address string) error {
	if scpAddress.MatchString(address) {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh") || !strings.HasPrefix(address, u.Scheme+"://") {
		return errors.New("its url must be https, http or ssh, or relative (../name)")
	}
	if _, ok := u.User.Password(); ok {
		return errors.New("its url carries a password: take it out")
	}
	user := u.User.Username()
	if !plainHost.MatchString(u.Host) || strings.HasPrefix(user, "-") || unprintable(user+u.Path) {
		return errors.New("its url is not a plain one")
	}
	return nil
}

// relativeAddress does to an address what git does with ../ and ./, and never leaves
// its host.
func relativeAddress(parent, relative string) (string, error) {
	base, folder := "", parent
	if i := strings.Index(parent, "://"); i >= 0 {
		if slash := strings.IndexByte(parent[i+3:], '/'); slash >= 0 {
			base, folder = parent[:i+3+slash+1], parent[i+3+slash+1:]
		} else {
			base, folder = parent+"/", ""
		}
	} else if strings.HasPrefix(parent, "/") {
		base, folder = "/", parent[1:]
	} else if host, rest, ok := strings.Cut(parent, ":"); ok {
		folder = strings.TrimPrefix(rest, "/")
		base = host + ":" + rest[:len(rest)-len(folder)]
	}
	var parts []string
	for part := range strings.SplitSeq(strings.TrimRight(folder, "/")+"/"+relative, "/") {
		switch {
		case part == "" || part == ".":
		case part != "..":
			parts = append(parts, part)
		case len(parts) == 0:
			return "", fmt.Errorf("its url leads out of %s", base)
		default:
			parts = parts[:len(parts)-1]
		}
	}
	return base + strings.Join(parts, "/"), nil
}

// localFolder is the folder that an address names, if it names one.
func localFolder(address string) (string, bool) {
	folder := strings.TrimPrefix(address, "file://")
	return folder, strings.HasPrefix(folder, "/")
}

// beside refuses a folder that does not lie beside the repository's own, symbolic
// links resolved.
func beside(home, folder string) error {
	own, ok := localFolder(home)
	if !ok {
		return errors.New("its url is a folder of the runner")
	}
	within, err := filepath.EvalSymlinks(filepath.Dir(filepath.Clean(own)))
	if err != nil {
		return fmt.Errorf("the folder of the repository is not there: %w", err)
	}
	target, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return fmt.Errorf("there is no folder %s", folder)
	}
	if rest, err := filepath.Rel(within, target); err != nil || !filepath.IsLocal(rest) || rest == "." {
		return fmt.Errorf("%s does not lie beside the repository", folder)
	}
	return nil
}
