package github

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// address reads the address of a host; name is what people call it. It ends with a slash.
func address(name, value string) (*url.URL, error) {
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, core.Errorf(core.KindInvalid, "%s must be an http(s) address such as https://github.example.com/", name)
	}
	u.Path = strings.TrimRight(u.Path, "/") + "/"
	return u, nil
}

// hostOf is where pages are, as people write it: without scheme and final slash.
func hostOf(webURL string) string {
	_, rest, _ := strings.Cut(webURL, "://")
	host, path, _ := strings.Cut(rest, "/")
	return strings.TrimRight(strings.ToLower(host)+"/"+path, "/")
}

// cloud tells whether pages are at GitHub's own service, and not at a GitHub Enterprise
// Server that somebody runs. A tenant of the cloud has a name under ghe.com.
func cloud(web *url.URL) bool {
	host := strings.ToLower(web.Hostname())
	return host == "github.com" || strings.HasSuffix(host, ".ghe.com")
}

// apiOf is where the API of the GitHub with these pages is.
func apiOf(web *url.URL) *url.URL {
	if cloud(web) {
		return &url.URL{Scheme: web.Scheme, Host: "api." + web.Host, Path: "/"}
	}
	return web.JoinPath("api/v3/")
}

// withinReach tells whether GitHub would send webhooks to the host: its own service
// refuses addresses and names that mean something in one network alone, and an
// Enterprise Server at least what is the Server itself.
func withinReach(host string, fromCloud bool) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		return !ip.IsLoopback() && !ip.IsUnspecified() && (!fromCloud || !ip.IsPrivate() && !ip.IsLinkLocalUnicast())
	}
	top := host[strings.LastIndex(host, ".")+1:]
	if top == "localhost" {
		return false
	}
	return !fromCloud || top != host && top != "local" && top != "internal"
}

// part names a part of a connection: by its setting, or as the App's.
func part(i core.Integration, setting, what string) string {
	if i.Origin == core.OriginEnvironment {
		return setting
	}
	return fmt.Sprintf("The %s of %s", what, title(i))
}

// title is what people call the App.
func title(i core.Integration) string {
	if i.Name == "" {
		return "the GitHub App"
	}
	return "the GitHub App " + i.Name
}

// checkCredentials says what to do when GitHub does not believe that we are the App.
func checkCredentials(i core.Integration) string {
	if i.Origin == core.OriginEnvironment {
		return "check OORE_GITHUB_APP_ID, OORE_GITHUB_APP_PRIVATE_KEY and this machine's clock"
	}
	return fmt.Sprintf("check this machine's clock, then connect %s anew under Settings → Sources", title(i))
}
