package gitlab

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// address reads where the pages of a connection's host are. It ends with a slash.
func address(c core.Connection) (*url.URL, error) {
	u, err := url.Parse(c.WebURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, core.Errorf(core.KindInvalid, "%s must be an http(s) address such as https://gitlab.example.com/", part(c.Integration, "OORE_GITLAB_URL", "address"))
	}
	u.Host = strings.ToLower(u.Host)
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/")+"/", ""
	return u, nil
}

// hostOf is where pages are, as people write it: without scheme and final slash.
func hostOf(webURL string) string {
	_, rest, _ := strings.Cut(webURL, "://")
	host, path, _ := strings.Cut(rest, "/")
	return strings.TrimRight(strings.ToLower(host)+"/"+path, "/")
}

// within tells whether an address lies under web, where the token may be sent.
func within(web *url.URL, address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == web.Scheme && strings.EqualFold(u.Host, web.Host) && strings.HasPrefix(u.Path, web.Path) && u.User == nil
}

// part names a part of a connection: by its setting, or as the host's.
func part(i core.Integration, setting, what string) string {
	if i.Origin == core.OriginEnvironment {
		return setting
	}
	return fmt.Sprintf("The %s of the GitLab connection", what)
}

// renewToken says what to do about a token that is worth nothing.
func renewToken(c core.Connection) string {
	if granted(c) {
		return "connect it again under Settings → Sources"
	}
	if c.Origin == core.OriginEnvironment {
		return "make a new one with the scope api, set OORE_GITLAB_TOKEN and restart"
	}
	return "make a new one with the scope api and connect " + hostOf(c.WebURL) + " anew under Settings → Sources"
}
